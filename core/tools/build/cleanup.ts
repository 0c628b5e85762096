/** Cleanups to run when the command exits: child processes to kill and half-written folders to remove. */
const pending = new Set<() => void>()

/** Runs the synchronous function `clean` at process exit, unless the returned function is called before. */
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
