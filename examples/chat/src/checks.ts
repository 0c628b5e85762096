/** Checks of what people and pages send. A problem is a sentence for the person who sees it. */
import type { FromPage, Place } from './protocol.ts'

/** Longest name, in UTF-16 units, which is how pages count in `maxlength`. */
export const MAX_NAME = 32
/** Longest message, in UTF-16 units. */
export const MAX_TEXT = 1000

const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N} ._'-]*[\p{L}\p{M}\p{N}.])?$/u
const ROOM = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/
const ID = /^[0-9a-f]{32}$/
/** Control characters but tab and line feed: terminals act on them, and Postgres stores no NUL. */
const CONTROL = /(?![\t\n])\p{Cc}/u

/** Result of a check: the value, or the problem with it. */
export type Checked<Value> = { value: Value; problem?: undefined } | { value?: undefined; problem: string }

/** Checks the name of a person; the value is in Unicode's form NFC, so that equal names are equal text. */
export function checkName(name: unknown): Checked<string> {
  if (typeof name !== 'string' || name === '') return { problem: 'Choose a name.' }
  const value = name.normalize('NFC')
  if (value.length > MAX_NAME)
    return { problem: `A name has at most ${MAX_NAME} characters; this one has ${value.length}.` }
  if (!NAME.test(value))
    return { problem: "A name has letters and digits, and between them blanks or one of . _ ' -" }
  return { value }
}

/** Checks the name of a room. */
export function checkRoom(room: unknown): Checked<string> {
  if (typeof room === 'string' && ROOM.test(room)) return { value: room }
  return { problem: 'A room has 1 to 32 small letters a to z and digits, and between them hyphens.' }
}

/** Checks the text of a message. */
export function checkText(text: unknown): Checked<string> {
  if (typeof text !== 'string' || text.trim() === '') return { problem: 'Write something first.' }
  if (text.length > MAX_TEXT)
    return { problem: `A message has at most ${MAX_TEXT} characters; this one has ${text.length}.` }
  if (CONTROL.test(text) || !text.isWellFormed())
    return { problem: 'This message has characters that cannot be shown. Remove them, and send it again.' }
  return { value: text }
}

/** Reads a message from a page. The text of a `say` is checked by {@link checkText}. */
export function readMessage(json: string): Checked<FromPage> {
  let message: Partial<Record<string, unknown>> | null
  try {
    message = JSON.parse(json) as typeof message
  } catch {
    return { problem: 'A message is a JSON object.' }
  }
  switch (message?.['type']) {
    case 'here':
      return { value: { type: 'here' } }
    case 'say': {
      const { id, text } = message
      if (typeof id !== 'string' || !ID.test(id))
        return { problem: 'The id of a message is 32 hexadecimal digits.' }
      return { value: { type: 'say', id, text: typeof text === 'string' ? text : '' } }
    }
    case 'earlier': {
      const before = message['before'] as Partial<Place> | null | undefined
      if (typeof before?.id !== 'string' || !ID.test(before.id) || !Number.isSafeInteger(before.sentAt))
        return { problem: '"earlier" names a message: { before: { id, sentAt } }.' }
      return { value: { type: 'earlier', before: { id: before.id, sentAt: Number(before.sentAt) } } }
    }
    default:
      return { problem: 'The type of a message is say, earlier or here.' }
  }
}
