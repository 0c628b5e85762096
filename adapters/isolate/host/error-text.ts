/** Returns an error's message, or the text of a thrown value that is no `Error`. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
