/** Compares two texts, such as tokens, in a time that does not reveal where they differ. */
export async function isSameText(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all(
    [a, b].map(
      async (text) => new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))),
    ),
  )
  return (
    (x as Uint8Array).reduce(
      (difference, byte, index) => difference | (byte ^ ((y as Uint8Array)[index] as number)),
      0,
    ) === 0
  )
}
