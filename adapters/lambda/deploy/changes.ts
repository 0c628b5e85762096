/** What the changes of a stack mean for live traffic. */
import { ALIAS_ID } from '../build/template/cloudformation.ts'
import type { Change } from './stack.ts'

/** Types that only a new version of the code uses, or that nobody waits for. */
const HARMLESS = new Set([
  'AWS::CloudWatch::Alarm',
  'AWS::Logs::LogGroup',
  // Until the alias moves, a changed function is `$LATEST`, which nothing invokes.
  'AWS::Lambda::Function',
])

/** Types that begin to send events as soon as they exist. */
const SOURCES = /^AWS::(Lambda::(EventSourceMapping|Url|Permission)|Scheduler::|ApiGateway)/

/** Returns changes that need a look: those that CloudFormation lists by name only are left out. */
export function realChanges(changes: readonly Change[]): Change[] {
  return changes.filter(({ isDerived, replacement }) => !isDerived || replacement === 'True')
}

/**
 * Returns why the changes of a stack that serves need `--yes`, each as a full sentence. They act before the
 * new version has traffic, and stay if the code goes back.
 */
export function reasonsOf(changes: readonly Change[]): string[] {
  const real = realChanges(changes)
  const of = (pick: (change: Change) => boolean): string =>
    real
      .filter(pick)
      .map(({ id, type }) => `${id} (${type})`)
      .join(', ')
  const removed = of(({ action }) => action === 'Remove')
  const isReplaced = ({ action, replacement }: Change): boolean =>
    action === 'Modify' && (replacement === 'True' || replacement === 'Conditional')
  const replaced = of((change) => isReplaced(change))
  const added = of(({ action, type }) => action === 'Add' && SOURCES.test(type))
  const modified = of(
    (change) =>
      change.action === 'Modify' &&
      !isReplaced(change) &&
      change.id !== ALIAS_ID &&
      !HARMLESS.has(change.type),
  )
  const stays = 'before the new version has traffic, and this stays if the code goes back'
  return [
    ...(removed === '' ? [] : [`The stack loses ${removed} ${stays}.`]),
    ...(replaced === ''
      ? []
      : [`The stack replaces ${replaced} ${stays}. A replaced URL or API has another address.`]),
    ...(added === ''
      ? []
      : [`The stack gets ${added} ${stays}: the code that serves now has its first events.`]),
    ...(modified === '' ? [] : [`The stack changes ${modified} ${stays}.`]),
  ]
}

/** Returns the changes as one line, such as `adds Table; changes Function`. */
export function changesText(changes: readonly Change[]): string {
  const real = realChanges(changes)
  const list = (action: string, verb: string): string[] => {
    const ids = real.filter((change) => change.action === action).map(({ id }) => id)
    return ids.length === 0 ? [] : [`${verb} ${ids.join(', ')}`]
  }
  const text = [...list('Add', 'adds'), ...list('Modify', 'changes'), ...list('Remove', 'removes')].join('; ')
  return text === '' ? 'nothing' : text
}

/** Returns changes that need `--yes` and are not in the plan, as somebody else changed the stack since. */
export function unplanned(planned: readonly Change[], now: readonly Change[]): string[] {
  const known = new Set(reasonsOf(planned))
  return reasonsOf(now).filter((reason) => !known.has(reason))
}
