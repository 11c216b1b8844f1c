import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Habit } from "../../src/servers/lanes/habit.ts";
import { classify } from "../../src/statements/classify.ts";

const read = "select * from kv where id = $1";

const habitOf = (text: string, varies = false): Habit => new Habit(text, classify(text), varies);

const times = (count: number, run: () => void): void => {
  for (let n = 0; n < count; n++) run();
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("what may ride", () => {
  it.each([
    ["select 1", true],
    ["select * from kv where id = $1", true],
    ["values (1), (2)", true],
    ["table kv", true],
    ["with one as (select 1) select * from one", true],
    ["select pg_sleep($1)", true],
    ["select nextval('s')", false],
    ["select pg_advisory_lock(1)", false],
    ["select set_config('a.b', 'c', false)", false],
    ["select * from kv for update", false],
    ["select nobody_knows(1)", false],
    ["select * into copy from kv", false],
    ["insert into kv values (1)", false],
    ["with gone as (delete from kv returning *) select * from gone", false],
    ["select 1; select 2", false],
    ["explain select 1", false],
    ["copy kv to stdout", false],
    ["begin", false],
    ["set a.b = 1", false],
    ["execute something", false],
    ["", false],
    ["selec 1", false],
  ])("%s: %s", (text, shared) => {
    expect(habitOf(text).isShared).toBe(shared);
  });
});

describe("when a text rides", () => {
  it("after it has been short so often", () => {
    const habit = habitOf(read);
    times(4, () => habit.ranAlone(0.3, undefined));
    expect(habit.rides(5, 0.2)).toBe(false);
    habit.ranAlone(0.3, undefined);
    expect(habit.rides(5, 0.2)).toBe(true);
  });

  it("from the first time on with after: 0", () => {
    expect(habitOf(read).rides(0, Number.POSITIVE_INFINITY)).toBe(true);
  });

  it("not when it has never been short", () => {
    const habit = habitOf(read);
    times(50, () => habit.ranAlone(8, undefined));
    expect(habit.rides(5, 0.2)).toBe(false);
  });

  it("not when it is short at best, and long on average", () => {
    const habit = habitOf(read);
    habit.ranAlone(0.3, undefined);
    times(10, () => habit.ranAlone(60, undefined));
    expect(habit.rides(5, 0.2)).toBe(false);
  });

  it("though its first runs were long, once it is short", () => {
    const habit = habitOf(read);
    times(5, () => habit.ranAlone(60, undefined));
    times(60, () => habit.ranAlone(0.3, undefined));
    expect(habit.rides(5, 0.2)).toBe(true);
  });

  it("not any more when it has become long", () => {
    const habit = habitOf(read);
    times(10, () => habit.ranAlone(0.3, undefined));
    times(60, () => habit.ranAlone(8, undefined));
    expect(habit.rides(5, 0.2)).toBe(false);
  });

  it("where the way to the server is long, by what it takes besides", () => {
    const habit = habitOf(read);
    times(5, () => habit.ranAlone(80.5, undefined));
    expect(habit.rides(5, 80)).toBe(true);
    expect(habit.rides(5, 1)).toBe(false);
  });

  it("never where it writes", () => {
    const habit = habitOf("insert into kv values ($1)");
    times(50, () => habit.ranAlone(0.1, undefined));
    expect(habit.rides(0, 0.1)).toBe(false);
  });

  it("again after more runs by itself where it has failed among others", () => {
    const habit = habitOf(read);
    times(5, () => habit.ranAlone(0.3, undefined));
    habit.failedRiding(5);
    expect(habit.rides(5, 0.2)).toBe(false);
    times(5, () => habit.ranAlone(0.3, undefined));
    expect(habit.rides(5, 0.2)).toBe(true);
  });
});

describe("a text that holds others up", () => {
  const late = (habit: Habit): void => times(3, () => habit.wasLate());

  it("may do so twice in a thousand rides", () => {
    const habit = habitOf(read);
    for (let round = 0; round < 5; round++) {
      times(2, () => habit.wasLate());
      times(1000, () => habit.rode(0.05, undefined));
    }
    expect(habit.rides(0, 0.2)).toBe(true);
  });

  it("stays away for a second", () => {
    const habit = habitOf(read);
    late(habit);
    expect(habit.rides(0, 0.2)).toBe(false);
    vi.advanceTimersByTime(999);
    expect(habit.rides(0, 0.2)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(habit.rides(0, 0.2)).toBe(true);
  });

  it("stays away twice as long each time, and five minutes at most", () => {
    const habit = habitOf(read);
    const bans: number[] = [];
    for (let ban = 0; ban < 12; ban++) {
      late(habit);
      let seconds = 0;
      while (!habit.rides(0, 0.2)) {
        vi.advanceTimersByTime(1000);
        seconds += 1;
      }
      bans.push(seconds);
    }
    expect(bans).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  });

  it("is forgiven what was before when it rides long without a fault", () => {
    const habit = habitOf(read);
    late(habit);
    vi.advanceTimersByTime(1000);
    times(1000, () => habit.rode(0.05, undefined));
    late(habit);
    vi.advanceTimersByTime(1000);
    expect(habit.rides(0, 0.2)).toBe(true);
  });

  it("is one that rides longer than a short one on average", () => {
    const habit = habitOf(read);
    times(100, () => habit.rode(1.5, undefined));
    expect(habit.rides(0, 0.2)).toBe(true);
    habit.rode(1.5, undefined);
    expect(habit.rides(0, 0.2)).toBe(false);
  });
});

describe("what a text is expected to take", () => {
  it("is what it has taken by itself, and a millisecond at most, before it rides", () => {
    const habit = habitOf(read);
    expect(habit.expectedMillis).toBe(0);
    habit.ranAlone(0.4, undefined);
    expect(habit.expectedMillis).toBeCloseTo(0.4);
    habit.ranAlone(50, undefined);
    expect(habit.expectedMillis).toBe(1);
  });

  it("is what it has taken riding, once it has", () => {
    const habit = habitOf(read);
    habit.ranAlone(50, undefined);
    times(4, () => habit.rode(0.1, undefined));
    expect(habit.expectedMillis).toBeCloseTo(0.1);
  });
});

describe("the prepared statement of a text", () => {
  it("has a name after so many runs, and the same in every process", () => {
    const habit = habitOf(read);
    times(4, () => habit.ranAlone(0.3, undefined));
    expect(habit.preparedName(5)).toBeUndefined();
    habit.rode(0.3, undefined);
    expect(habit.preparedName(5)).toMatch(/^pointsman_[\w-]{22}$/);
    expect(habit.preparedName(5)).toBe(habitOf(read).preparedName(0));
  });

  it("has another name where the text differs in a space", () => {
    expect(habitOf(`${read} `).preparedName(0)).not.toBe(habitOf(read).preparedName(0));
  });

  it.each([
    [read, true],
    ["insert into kv values ($1)", true],
    ["update kv set value = $2 where id = $1", true],
    ["delete from kv where id = $1", true],
    ["select nextval($1)", true],
    ["select set_config('a.b', $1, false)", false],
    ["select 1; select $1", false],
    ["call something($1)", false],
    ["explain select $1", false],
    ["copy kv to stdout", false],
    ["begin", false],
  ])("of %s: %s", (text, named) => {
    expect(habitOf(text).preparedName(0) !== undefined).toBe(named);
  });

  it("is none where each text is another", () => {
    expect(habitOf(read, true).preparedName(0)).toBeUndefined();
  });

  it("is given up for good when it is much slower than the text was", () => {
    const habit = habitOf(read);
    times(5, () => habit.ranAlone(0.5, undefined));
    const name = habit.preparedName(5);
    times(19, () => habit.ranAlone(9, name));
    expect(habit.preparedName(5)).toBe(name);
    habit.ranAlone(9, name);
    expect(habit.preparedName(5)).toBeUndefined();
    times(50, () => habit.ranAlone(0.5, undefined));
    expect(habit.preparedName(5)).toBeUndefined();
  });

  it("is kept when it is as fast, or a little slower", () => {
    const habit = habitOf(read);
    times(5, () => habit.ranAlone(0.5, undefined));
    const name = habit.preparedName(5);
    times(200, () => habit.ranAlone(1.2, name));
    expect(habit.preparedName(5)).toBe(name);
  });
});
