/**
 * Allocates unique unmoor names (letters and digits) for names in a wrangler file: `MY_KV` becomes `myKv`.
 */
export class Names {
  #taken = new Set<string>()

  /** Returns a unique camelCase name of a binding for `text`, with a number appended if the name is taken. */
  take(text: string): string {
    const base = camelCase(text)
    let name = base
    for (let number = 2; this.#taken.has(name.toLowerCase()); number++) name = `${base}${number}`
    this.#taken.add(name.toLowerCase())
    return name
  }

  /** Reserves a binding's name and returns it unchanged. */
  keep(name: string): string {
    this.#taken.add(name.toLowerCase())
    return name
  }
}

function camelCase(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  // A mixed-case word of a wrangler name keeps its capitals in the camelCase name, since they already
  // separate its parts.
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

/**
 * Converts a Worker's name to one that unmoor's platforms accept: lower-case letters, digits and hyphens, at
 * most 63.
 */
export function appName(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, 63) || 'worker'
  )
}
