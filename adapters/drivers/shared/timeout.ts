import { UnmoorError } from '../../../core/errors.ts'
import { LONGEST_TIMEOUT } from '../../../core/option-table.ts'

/**
 * Converts a driver's timeout option to milliseconds. The text of a variable (`{ env: 'NAME' }`) is taken as
 * a number. `zero`: 0 is allowed. Default: false.
 *
 * @throws `InvalidArgument` unless the value is a number of seconds above 0 and at most 900: a larger number
 * is most likely in milliseconds.
 */
export function toMilliseconds(
  seconds: number | string,
  option: string,
  binding: string,
  zero = false,
): number {
  const value = typeof seconds === 'string' && seconds.trim() !== '' ? Number(seconds) : seconds
  if (typeof value === 'number' && (zero ? value >= 0 : value > 0) && value <= LONGEST_TIMEOUT)
    return value * 1000
  const hint =
    typeof value === 'number' && value > LONGEST_TIMEOUT
      ? `: seconds since 0.2; did you mean ${value / 1000}? It takes at most ${LONGEST_TIMEOUT}`
      : `, which is no number of seconds from ${zero ? '' : 'above '}0 to ${LONGEST_TIMEOUT}`
  throw new UnmoorError(
    'InvalidArgument',
    `Binding "${binding}": its driver's "${option}" is ${JSON.stringify(seconds)}${hint}.`,
    {
      binding,
      operation: 'start',
    },
  )
}
