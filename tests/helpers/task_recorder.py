"""A callback of scikit-learn 1.9."""


class Recorder:
    """Notes where it was called."""

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(("begin", context.task_name, context.max_subtasks))

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(("end", context.task_name, context.max_subtasks))

    def teardown(self, estimator, context):
        pass
