const stops: (() => void)[] = []
let asked: number | undefined
/**
 * Milliseconds after SIGINT or SIGTERM during which another signal counts as the same: npm and shells forward
 * a signal that the terminal has already sent to the whole group.
 */
const SAME_SIGNAL_MS = 500

/**
 * Makes Ctrl-C and SIGTERM end an `unmoor` process in order: the last callback of {@link onStop} is called.
 * Without a callback, or at the second signal, the process exits immediately.
 */
export function handleSignals(): void {
  const handler = (signal: NodeJS.Signals): void => {
    const stop = stops.at(-1)
    // A signal ends the process by `process.exit`, which runs the exit handlers that clean up; a signal's
    // default action does not run them.
    if (asked !== undefined && performance.now() - asked < SAME_SIGNAL_MS) return
    if (stop === undefined || asked !== undefined) process.exit(signal === 'SIGINT' ? 130 : 143)
    asked = performance.now()
    stop()
  }
  process.on('SIGINT', handler).on('SIGTERM', handler)
}

/** Registers a callback for the first SIGINT or SIGTERM. Returns a function that unregisters it. */
export function onStop(stop: () => void): () => void {
  stops.push(stop)
  return () => void stops.splice(stops.indexOf(stop), 1)
}
