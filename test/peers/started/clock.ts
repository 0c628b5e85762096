/**
 * The clock of miniflare's tests of queues. There it stands still until a test moves it; here it is the real
 * one, and a test waits until as much time has passed since its last request as it wants to have passed.
 */

/** How long after a moment its deliveries may arrive, in ms. Less than the shortest step of the tests. */
const ALLOWED = 350

let moment = 0

/** A request starts anew: what the test waits for from now on counts from here. */
export function requestEnded(): void {
  moment = Date.now()
}

const waitUntil = (time: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, time - Date.now()))
  })

/** What the tests of queues move the clock by. */
export class MiniflareDurableObjectControlStub {
  enableFakeTimers(): void {}

  async advanceFakeTime(ms: number): Promise<void> {
    moment += ms
    await waitUntil(moment)
  }

  /** What was due by now has been delivered. */
  async waitForFakeTasks(): Promise<void> {
    await waitUntil(moment + ALLOWED)
  }
}
