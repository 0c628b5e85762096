import { invalidArgument } from '../errors.ts'

/**
 * Option names of other platforms, each with unmoor's name, for pairs that are not spelled alike enough to be
 * found by similarity.
 */
const ALIASES: Readonly<Record<string, string>> = {
  expirationTtl: 'ttl',
  expiresIn: 'ttl',
  expires: 'expiration',
  onlyIf: 'ifMatch',
  max_retries: 'maxRetries',
  dead_letter_queue: 'deadLetterQueue',
}

/**
 * Refuses options that a method or declaration does not have. Types find them in TypeScript alone, and in
 * JavaScript an unknown option would be ignored silently. An option whose value is undefined counts as
 * absent.
 *
 * @throws `InvalidArgument`, with the most similar name that exists.
 */
export function checkOptions(
  options: object | null | undefined,
  names: readonly string[],
  where: { binding?: string; operation: string },
): void {
  for (const name in options) {
    if (names.includes(name) || (options as Record<string, unknown>)[name] === undefined) continue
    const alias = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined
    const right =
      alias !== undefined && names.includes(alias) ? alias : names.find((one) => isLike(one, name))
    const method = where.binding === undefined ? where.operation : `${where.binding}.${where.operation}`
    throw invalidArgument(
      where,
      `${method} has no option "${name}".` +
        (right === undefined ? '' : ` Did you mean "${right}"?`) +
        (names.length === 0 ? ' It takes no options.' : ` It takes: ${names.join(', ')}.`),
    )
  }
}

/**
 * Returns true if two option names differ in one letter. Every artifact contains this function, so it is
 * short.
 */
function isLike(one: string, other: string): boolean {
  const letters = (word: string): Set<string> => new Set(word.toLowerCase())
  return letters(one).symmetricDifference(letters(other)).size < 2
}
