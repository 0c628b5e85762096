/** What to do at the first Ctrl-C or SIGTERM; a second one ends the process at once. Gives a function that takes the handlers away. */
export function onStop(stop: () => void): () => void {
  let asked = false
  const handler = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(signal === 'SIGINT' ? 130 : 143)
    asked = true
    stop()
  }
  process.on('SIGINT', handler).on('SIGTERM', handler)
  return () => void process.off('SIGINT', handler).off('SIGTERM', handler)
}
