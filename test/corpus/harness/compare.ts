import type { Answer } from './library.ts'

/** Headers of the server and the connection, not of the app. */
const SERVERS_OWN = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'server',
  'transfer-encoding',
])

/** What differs between runs and stands for the same: text and what it is compared as. */
export type Replacements = readonly (readonly [text: string | RegExp, by: string])[]

/** The answer with everything replaced that may differ. */
export function comparable(answer: Answer, replacements: Replacements): Answer {
  const replace = (text: string): string =>
    replacements.reduce((current, [from, to]) => current.replaceAll(from, to), text)
  return {
    status: answer.status,
    headers: Object.fromEntries(
      Object.entries(answer.headers)
        .filter(([name]) => !SERVERS_OWN.has(name))
        .map(([name, value]) => [name, replace(value)] as const)
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    ),
    body: replace(answer.body),
  }
}

/** How `answer` differs from the control's, a line each; empty where it does not. */
export function differences(answer: Answer, control: Answer): string[] {
  const lines: string[] = []
  if (answer.status !== control.status) lines.push(`status ${answer.status}, control ${control.status}`)
  for (const name of new Set([...Object.keys(answer.headers), ...Object.keys(control.headers)])) {
    const [own, theirs] = [answer.headers[name], control.headers[name]]
    if (own !== theirs) lines.push(`${name}: ${own ?? '(none)'}, control ${theirs ?? '(none)'}`)
  }
  if (answer.body !== control.body) {
    const at = firstDifference(answer.body, control.body)
    lines.push(`body at ${at}: ${excerpt(answer.body, at)}, control ${excerpt(control.body, at)}`)
  }
  return lines
}

function firstDifference(one: string, other: string): number {
  let at = 0
  while (at < one.length && one[at] === other[at]) at++
  return at
}

function excerpt(text: string, at: number): string {
  return JSON.stringify(text.slice(Math.max(0, at - 40), at + 160))
}
