const stops: (() => void)[] = []
let asked: number | undefined
/**
 * npm and shells pass a signal on that the terminal has sent to all: what comes so soon after the first is
 * the same one.
 */
const SAME_SIGNAL_MS = 500

/**
 * Makes Ctrl-C and SIGTERM end the process in order: what was registered with {@link onStop} is asked to
 * stop; else, or at the second signal, the process exits at once.
 */
export function handleSignals(): void {
  const handler = (signal: NodeJS.Signals): void => {
    const stop = stops.at(-1)
    // `exit` runs what cleans up; a signal's own way of ending does not.
    if (asked !== undefined && performance.now() - asked < SAME_SIGNAL_MS) return
    if (stop === undefined || asked !== undefined) process.exit(signal === 'SIGINT' ? 130 : 143)
    asked = performance.now()
    stop()
  }
  process.on('SIGINT', handler).on('SIGTERM', handler)
}

/** What to do at the first signal. Returns a function that takes it back. */
export function onStop(stop: () => void): () => void {
  stops.push(stop)
  return () => void stops.splice(stops.indexOf(stop), 1)
}
