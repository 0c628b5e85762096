const stops: (() => void)[] = []
let asked = false

/** Makes Ctrl-C and SIGTERM end the process in order: what was registered with {@link onStop} is asked to stop; else, or at the second signal, the process exits at once. */
export function handleSignals(): void {
  const handler = (signal: NodeJS.Signals): void => {
    const stop = stops.at(-1)
    // `exit` runs what cleans up; a signal's own way of ending does not.
    if (stop === undefined || asked) process.exit(signal === 'SIGINT' ? 130 : 143)
    asked = true
    stop()
  }
  process.on('SIGINT', handler).on('SIGTERM', handler)
}

/** What to do at the first signal. Gives a function that takes it back. */
export function onStop(stop: () => void): () => void {
  stops.push(stop)
  return () => void stops.splice(stops.indexOf(stop), 1)
}
