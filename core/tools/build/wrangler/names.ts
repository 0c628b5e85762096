/** Unmoor's names for what a wrangler file names: letters and digits, `MY_KV` as `myKv`, each only once. */
export class Names {
  #taken = new Set<string>()

  /** A name of its own for that text. */
  take(text: string): string {
    const base = camelCase(text)
    let name = base
    for (let number = 2; this.#taken.has(name.toLowerCase()); number++) name = `${base}${number}`
    this.#taken.add(name.toLowerCase())
    return name
  }

  /** Keeps a name as it is. */
  keep(name: string): string {
    this.#taken.add(name.toLowerCase())
    return name
  }
}

function camelCase(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  // Within a word that has both cases, capitals mark its parts already.
  const mixed = words.map((word) => (/[a-z]/.test(word) && /[A-Z]/.test(word) ? word : word.toLowerCase()))
  const joined = mixed
    .map((word, index) =>
      index === 0
        ? `${word[0]?.toLowerCase() ?? ''}${word.slice(1)}`
        : `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`,
    )
    .join('')
  return /^[a-zA-Z]/.test(joined) ? joined : `binding${joined}`
}

/** A Worker's name as unmoor and its platforms take it: lower-case letters, digits and hyphens. */
export function appName(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, 63) || 'worker'
  )
}
