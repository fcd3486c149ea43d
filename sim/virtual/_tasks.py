# uMeter - the task queue under asyncio in Python, so that it takes its time from the virtual clock
# MIT license; Copyright (c) 2026 The uMeter authors

# The interface is that of the built-in module _asyncio (extmod/modasyncio.c): peek, push, pop and
# remove on a queue ordered by ph_key; Task with coro, data, state, ph_key, done, cancel, and
# iteration for `await task`. state: True running, None ended, False ended and awaited, a queue of
# those who wait, or a function. data: what the task waits in, or the exception that it gets next.


class TaskQueue:
    def __init__(self):
        self._tasks = []

    def peek(self):
        return self._tasks[0] if self._tasks else None

    def push(self, task, key=None):
        from time import ticks_diff, ticks_ms

        task.data = None
        task.ph_key = ticks_ms() if key is None else key
        at = len(self._tasks)
        while at and ticks_diff(self._tasks[at - 1].ph_key, task.ph_key) > 0:
            at -= 1
        self._tasks.insert(at, task)

    def pop(self):
        return self._tasks.pop(0)

    def remove(self, task):
        self._tasks.remove(task)


class Task:
    def __init__(self, coro, context=None):
        self.coro, self._context = coro, context
        self.data = None
        self.state = True
        self.ph_key = 0

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        waiter = self._context["cur_task"]
        self.state.push(waiter)
        waiter.data = self

    def done(self):
        return not self.state

    def cancel(self):
        from time import ticks_diff, ticks_ms

        if not self.state:
            return False
        if self is self._context["cur_task"]:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        running = self._context["_task_queue"]
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            running.push(task)
        elif ticks_diff(task.ph_key, ticks_ms()) > 0:
            running.remove(task)
            running.push(task)
        task.data = self._context["CancelledError"]
        return True
