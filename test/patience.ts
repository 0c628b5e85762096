/**
 * How long `expect.poll` and `vi.waitFor` wait for what must come: about as long as a test may take. Vitest's
 * own second would fail a test on a machine that stands still for one.
 */
export const PATIENCE = { timeout: 29_000, interval: 20 } as const
