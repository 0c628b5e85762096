/** What must not outlive the process: children and half-written folders. */
const pending = new Set<() => void>()

/** Runs `clean` (synchronous) if the process ends before the function that this gives is called. */
export function cleanAtExit(clean: () => void): () => void {
  if (pending.size === 0) process.on('exit', cleanAll)
  pending.add(clean)
  return () => {
    pending.delete(clean)
    if (pending.size === 0) process.off('exit', cleanAll)
  }
}

function cleanAll(): void {
  for (const clean of pending) clean()
}
