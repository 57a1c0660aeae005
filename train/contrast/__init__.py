"""Three contrastive tasks that take part in training only.

A task is a module under a name in `contrast` of what is trained: it gets what
the main loss has already computed for a batch (`TaskInputs`) and returns a loss
and some metrics. Its tensors (projection heads, memory banks, estimates of
frequencies) stand in checkpoints as `contrast.<name>.*`, and export drops them:
nothing that is served knows of them. With no task attached training runs
exactly as if this package were not there.

    user_item.py   a user's positive items against other items: in-batch, sampled, remembered
    user_user.py   two views of one history against other users' histories
    feedback.py    a user's positive feedback against his own negative feedback
"""

from __future__ import annotations

from typing import Any, Dict

from ..strict import SettingsError, from_json
from .feedback import FeedbackSettings, FeedbackTask
from .task import Histories, LongHistories, Positives, Task, TaskInputs
from .user_item import UserItemSettings, UserItemTask
from .user_user import UserUserSettings, UserUserTask

TASKS = {"user_item": (UserItemSettings, UserItemTask), "user_user": (UserUserSettings, UserUserTask),
         "feedback": (FeedbackSettings, FeedbackTask)}


def build_tasks(raw: Dict[str, Any], dim: int, n_items: int, actions: "tuple[str, ...]") -> Dict[str, Task]:
    """The enabled tasks of a config's "contrast" object, by name, in the order of TASKS."""
    unknown = sorted(set(raw) - set(TASKS))
    if unknown:
        raise SettingsError(f"contrast.{unknown[0]}: unknown task")
    tasks: Dict[str, Task] = {}
    for name, (settings, task) in TASKS.items():
        if name in raw:
            read = from_json(settings, raw[name], f"contrast.{name}.")
            if read.enabled:
                tasks[name] = task(read, dim, n_items, actions)
    return tasks


__all__ = ["Histories", "LongHistories", "Positives", "TASKS", "Task", "TaskInputs", "build_tasks"]
