/* What the sandbox forbids and what it lets through, each in a child that enters it; nothing lifts it again. */
#include "server/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], models[96], outside[96], socket_path[96];
static int listening;

static void write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0, "%s: %s", path, strerror(errno));
}

/* models/{m/1/config.json, linked → ../outside}, outside/file, other, socket */
static void make_files(void)
{
	char path[128];
	(void)snprintf(folder, sizeof(folder), "/tmp/rankd-sandbox-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	(void)snprintf(models, sizeof(models), "%s/models", folder);
	(void)snprintf(outside, sizeof(outside), "%s/outside", folder);
	static const char *const folders[] = {"models", "models/m", "models/m/1", "outside", "run"};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
		cr_assert_eq(mkdir(path, 0700), 0);
	}
	static const char *const files[] = {"models/m/1/config.json", "outside/file", "other", "run/socket"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		write_file(path);
	}
	(void)snprintf(path, sizeof(path), "%s/linked", models);
	cr_assert_eq(symlink(outside, path), 0);
	(void)snprintf(socket_path, sizeof(socket_path), "%s/run/socket", folder);
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(listening >= 0 && bind(listening, (struct sockaddr *)&any, sizeof(any)) == 0);
}

static int reach(const char *name, int flags)
{
	char path[160];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

/* ---- what a process may try: each returns less than 0 and sets errno if it is refused ---- */

static long read_a_model(void)
{
	return reach("models/m/1/config.json", O_RDONLY);
}
static long read_through_a_link(void)
{
	return reach("models/linked/file", O_RDONLY);
}
static long read_another_file(void)
{
	return reach("other", O_RDONLY);
}
static long read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}
static long write_a_model(void)
{
	return reach("models/m/1/config.json", O_WRONLY);
}
static long make_a_file(void)
{
	return reach("models/new", O_RDWR | O_CREAT);
}
static long make_a_file_without_a_name(void)
{
	return reach("models", O_RDWR | O_TMPFILE);
}

static long remove_a_model(void)
{
	char path[160];
	(void)snprintf(path, sizeof(path), "%s/m/1/config.json", models);
	return unlink(path);
}

static long remove_the_socket(void)
{
	return unlink(socket_path);
}

static long run_a_program(void)
{
	char *const words[] = {(char *)(uintptr_t) "/bin/true", NULL};
	return execve(words[0], words, words + 1);
}

static long fork_a_process(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid;
}

static long trace_the_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}
static long signal_the_parent(void)
{
	return kill(getppid(), 0);
}
static long make_a_netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}
static long make_an_internet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long connect_somewhere(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return connect(listening, (struct sockaddr *)&any, sizeof(any));
}

static long map_code(void)
{
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return code == MAP_FAILED ? -1 : 0;
}

static long make_memory_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? 0 : mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}

static long load_a_kernel_program(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}
static long set_up_an_io_ring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}
static long mount_something(void)
{
	return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}

static void *nothing(void *context)
{
	return context;
}

static long start_a_thread(void)
{
	pthread_t thread;
	errno = pthread_create(&thread, NULL, nothing, NULL);
	return errno != 0 ? -1 : pthread_join(thread, NULL);
}

static long make_a_pair(void)
{
	int pair[2];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static long take_memory(void)
{
	size_t bytes = 4 << 20;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? -1 : madvise(memory, bytes, MADV_HUGEPAGE) < 0 && errno == EPERM ? -1 : 0;
}

static long draw_a_number(void)
{
	char byte;
	return getrandom(&byte, 1, 0);
}

static long change_the_policy(int policy)
{
	struct sched_param parameter = {.sched_priority = policy == SCHED_FIFO ? 1 : 0};
	return sched_setscheduler(0, policy, &parameter);
}

static long give_way(void)
{
	return change_the_policy(SCHED_BATCH);
}

static long run_before_all_others(void)
{
	return change_the_policy(SCHED_FIFO);
}

enum verdict { PASSES, FILES, CALLS, BOTH };

/* What is refused by which half: by the rules for files (EACCES), by the filter (EPERM), by each of the two. */
static const struct {
	const char *what;
	long (*act)(void);
	enum verdict verdict;
} acts[] = {
	{"read a model", read_a_model, PASSES},
	{"read what a link pointed to", read_through_a_link, PASSES},
	{"start a thread", start_a_thread, PASSES},
	{"make a pair of sockets", make_a_pair, PASSES},
	{"take memory", take_memory, PASSES},
	{"draw a number", draw_a_number, PASSES},
	{"give way to others", give_way, PASSES},
	{"run before all others", run_before_all_others, CALLS},
	{"read another file", read_another_file, FILES},
	{"read /etc/passwd", read_passwd, FILES},
	{"write a model", write_a_model, BOTH},
	{"make a file", make_a_file, BOTH},
	{"make a file without a name", make_a_file_without_a_name, BOTH},
	{"remove a model", remove_a_model, BOTH},
	{"run a program", run_a_program, BOTH},
	{"fork", fork_a_process, CALLS},
	{"trace the parent", trace_the_parent, CALLS},
	{"signal the parent", signal_the_parent, CALLS},
	{"make a netlink socket", make_a_netlink_socket, CALLS},
	{"make an internet socket", make_an_internet_socket, CALLS},
	{"connect", connect_somewhere, CALLS},
	{"map code", map_code, CALLS},
	{"make memory code", make_memory_code, CALLS},
	{"load a program into the kernel", load_a_kernel_program, CALLS},
	{"set up an io_uring", set_up_an_io_ring, CALLS},
	{"mount", mount_something, CALLS},
};

/* Runs the check in a child, which must find nothing wrong. */
static void check_in_child(void (*check)(int report))
{
	char text[512];
	int ends[2], status;
	size_t used = 0;
	ssize_t n;
	cr_assert_eq(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		check(ends[1]);
		_exit(0);
	}
	(void)close(ends[1]);
	while ((n = read(ends[0], text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	(void)close(ends[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
	cr_assert_str_empty(text, "%s", text);
}

static void tell(int report, const char *what, int cause)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s: %s\n", what, cause == 0 ? "not refused" : strerror(cause));
	(void)!write(report, line, (size_t)n);
}

/* The act comes out as it should where the halves given are in force. */
static void check_acts(int report, bool files, bool calls)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		bool by_files = files && (acts[i].verdict == FILES || acts[i].verdict == BOTH);
		bool by_calls = calls && (acts[i].verdict == CALLS || acts[i].verdict == BOTH);
		if (!by_files && !by_calls && acts[i].verdict != PASSES)
			continue;
		errno = 0;
		bool is_refused = acts[i].act() < 0;
		int wanted = by_calls ? EPERM : EACCES; /* the filter comes first */
		if (is_refused != (by_files || by_calls) || (is_refused && errno != wanted))
			tell(report, acts[i].what, errno);
	}
}

static struct rk_sandbox_options options(const char *mode)
{
	return (struct rk_sandbox_options){.mode = mode, .models = models};
}

static void check_all(int report)
{
	struct rk_sandbox_options chosen = options("on");
	struct rk_sandbox entered;
	struct rk_error error = {.message = ""};
	if (rk_sandbox_enter(&chosen, &entered, &error) != RK_OK)
		tell(report, error.message, EINVAL);
	if (entered.landlock_abi < 1 || !entered.has_filter || entered.n_links != 1)
		tell(report, "what is in force", EINVAL);
	check_acts(report, true, true);
}

static void check_files(int report)
{
	struct rk_sandbox_options chosen = options("on");
	uint32_t n_links = 0;
	for (int abi = rk_sandbox_landlock_abi(); abi >= 1; abi--) /* a kernel knows all rights of the older ones */
		if (rk_sandbox_restrict_files(&chosen, abi, &n_links, NULL) != RK_OK)
			tell(report, "rules of an older ABI", EINVAL);
	check_acts(report, true, false);
	if (rk_sandbox_landlock_abi() >= 4 && (connect_somewhere() == 0 || errno != EACCES))
		tell(report, "connect", errno);
}

static void check_calls(int report)
{
	if (rk_sandbox_restrict_calls(false, NULL) != RK_OK)
		tell(report, "the filter", EINVAL);
	check_acts(report, false, true);
	if (read_passwd() < 0)
		tell(report, "the filter alone knows no files", errno);
}

static void check_off(int report)
{
	struct rk_sandbox_options chosen = options("off");
	struct rk_sandbox entered;
	if (rk_sandbox_enter(&chosen, &entered, NULL) != RK_OK || entered.landlock_abi != 0 || entered.has_filter)
		tell(report, "off", EINVAL);
	if (read_passwd() < 0 || make_a_netlink_socket() < 0)
		tell(report, "off forbids something", errno);
}

static void check_sockets(int report)
{
	struct rk_sandbox_options chosen = options("on");
	struct rk_sandbox entered;
	chosen.sockets[1] = socket_path;
	if (rk_sandbox_enter(&chosen, &entered, NULL) != RK_OK)
		tell(report, "sockets", EINVAL);
	if (remove_a_model() == 0 || errno != EACCES)
		tell(report, "remove a model", errno);
	if (remove_the_socket() != 0)
		tell(report, "remove the socket", errno);
}

static void skip_without_a_kernel(void)
{
	struct rk_sandbox offered;
	rk_sandbox_probe(&offered);
	if (offered.landlock_abi == 0 || !offered.has_filter)
		cr_skip_test("this kernel has no Landlock or no seccomp");
}

TestSuite(sandbox, .init = make_files);

Test(sandbox, all_together)
{
	skip_without_a_kernel();
	check_in_child(check_all);
}

Test(sandbox, rules_for_files_alone)
{
	skip_without_a_kernel();
	check_in_child(check_files);
}

Test(sandbox, filter_of_system_calls_alone)
{
	skip_without_a_kernel();
	check_in_child(check_calls);
}

Test(sandbox, off)
{
	check_in_child(check_off);
}

Test(sandbox, the_files_of_sockets_can_be_removed)
{
	skip_without_a_kernel();
	check_in_child(check_sockets);
}
