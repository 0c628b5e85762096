import { invalidArgument } from '../errors.ts'

/** Names that other platforms have for an option, where spelling does not lead to ours. */
const ALIASES: Readonly<Record<string, string>> = {
  expirationTtl: 'ttl',
  expiresIn: 'ttl',
  expires: 'expiration',
  onlyIf: 'ifMatch',
  max_retries: 'maxRetries',
  dead_letter_queue: 'deadLetterQueue',
}

/**
 * Refuses options that a method or declaration does not have, which types tell in TypeScript alone: an option
 * that nobody reads would be dropped without a word. One that is undefined is none.
 *
 * @throws `InvalidArgument`, with the nearest right name.
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

/** True if two words have the same letters but for one. It is in every artifact, so it is short. */
function isLike(one: string, other: string): boolean {
  const letters = (word: string): Set<string> => new Set(word.toLowerCase())
  return letters(one).symmetricDifference(letters(other)).size < 2
}
