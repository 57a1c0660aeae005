"""The parts of the campaign: a module each, with one function run(context) that returns figures by key."""
