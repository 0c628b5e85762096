/**
 * How long `expect.poll` and `vi.waitFor` wait for what must come: about as long as a test may take. Vitest's
 * own second would fail a test on a machine that stands still for one.
 */
export const PATIENCE = { timeout: 29_000, interval: 20 } as const

/**
 * Time limit of a test that runs a whole suite, in milliseconds. Each case of a suite ends by a limit of its own, so
 * this one only ends a run that hangs: how long hundreds of cases take depends on the machine.
 */
export const WHOLE_SUITE = { timeout: 3_600_000 } as const
