-- The newest results first: the usual order of the table of tasks.
CREATE INDEX task_finished ON task (finished);
