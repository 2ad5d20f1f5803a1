"""The same Taxi loop in Python: the tutorial loop on gymnasium and numpy, and an array loop in numba.

Set up once, from the root of the repository, and run by the bench `qlearn` or by hand:

    python3 -m venv target/python
    target/python/bin/pip install -r benches/qlearn/requirements.txt
    target/python/bin/python benches/qlearn/peers.py

Prints a line for each loop: its name, a tab, and the CPU time of this thread for one step in
nanoseconds, the lowest tenth of the rounds and the median, with tabs between. `--test` runs everything once, briefly.
"""

import sys
import time

import gymnasium as gym
import numba
import numpy as np

ALPHA, GAMMA, EPSILON = 0.1, 0.99, 0.1


class Tutorial:
    """Q-learning as tutorials write it: a numpy table, `np.argmax`, and an environment's `step`."""

    def __init__(self, env):
        self.env = env
        self.table = np.zeros((env.observation_space.n, env.action_space.n))
        self.rng = np.random.default_rng(1)
        self.state, _ = env.reset(seed=1)
        self.taken = 0

    def run(self, steps):
        env, table, rng, state = self.env, self.table, self.rng, self.state
        for _ in range(steps):
            if rng.random() < EPSILON:
                action = int(rng.integers(6))
            else:
                action = int(np.argmax(table[state]))
            after, reward, terminated, truncated, _ = env.step(action)
            goal = reward if terminated else reward + GAMMA * np.max(table[after])
            table[state, action] += ALPHA * (goal - table[state, action])
            # Without the wrappers of `gym.make` nobody counts to the limit.
            self.taken += 1
            if terminated or truncated or self.taken == 200:
                state, _ = env.reset()
                self.taken = 0
            else:
                state = after
        self.state = state


@numba.njit
def array_loop(cells, starts, table, state, taken, steps):
    """The loop on arrays alone, compiled; chance is numba's own generator."""
    nexts, rewards, ends = cells
    for _ in range(steps):
        if np.random.random() < EPSILON:
            action = np.random.randint(6)
        else:
            action = 0
            for other in range(1, 6):
                if table[state, other] > table[state, action]:
                    action = other
        after = nexts[state, action]
        goal = rewards[state, action]
        if not ends[state, action]:
            best = table[after, 0]
            for other in range(1, 6):
                if table[after, other] > best:
                    best = table[after, other]
            goal += GAMMA * best
        table[state, action] += ALPHA * (goal - table[state, action])
        taken += 1
        if ends[state, action] or taken == 200:
            state, taken = starts[np.random.randint(len(starts))], 0
        else:
            state = after
    return state, taken


class Compiled:
    """Taxi as arrays, read from gymnasium's own table of it."""

    def __init__(self, taxi):
        shape = (taxi.observation_space.n, taxi.action_space.n)
        nexts, ends = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        rewards = np.zeros(shape)
        for state, actions in taxi.P.items():
            for action, outcomes in actions.items():
                [(_, nexts[state, action], rewards[state, action], ends[state, action])] = outcomes
        self.cells = (nexts, rewards, ends)
        self.starts = np.flatnonzero(taxi.initial_state_distrib)
        self.table = np.zeros(shape)
        self.state, self.taken = self.starts[0], 0

    def run(self, steps):
        self.state, self.taken = array_loop(
            self.cells, self.starts, self.table, self.state, self.taken, steps
        )


def measure(loops, rounds):
    """Times all loops in turns, so that whatever else the machine does hits all of them."""
    spent = {name: [] for name, _, _ in loops}
    for _ in range(rounds):
        for name, loop, steps in loops:
            begin = time.thread_time_ns()
            loop.run(steps)
            spent[name].append((time.thread_time_ns() - begin) / steps)
    for name, _, _ in loops:
        times = sorted(spent[name])
        print(name, times[len(times) // 10], times[len(times) // 2], sep="\t")


def main():
    brief = "--test" in sys.argv
    wrapped = gym.make("Taxi-v4")
    bare = gym.make("Taxi-v4").unwrapped
    few, many = (100, 1_000) if brief else (10_000, 1_000_000)
    loops = [
        ("gymnasium and numpy, gym.make", Tutorial(wrapped), few),
        ("gymnasium and numpy, unwrapped", Tutorial(bare), few),
        ("numba, arrays", Compiled(bare), many),
    ]
    for _, loop, steps in loops:
        loop.run(steps)  # Compiles, and learns enough to be past the long first episodes.
    measure(loops, 1 if brief else 30)


if __name__ == "__main__":
    main()
