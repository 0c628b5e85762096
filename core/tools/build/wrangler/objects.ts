import type { DeclarationDraft } from './bindings.ts'
import { eachEntry } from './lists.ts'
import { refuse, type Settings } from './settings.ts'

/**
 * Binds a wrangler file's Durable Objects; returns the names of their classes, which the Worker's main module
 * exports.
 */
export function readObjects(settings: Settings, draft: DeclarationDraft, ownName: string): string[] {
  const { file } = settings
  const classes = new Set<string>([...exportedClasses(settings), ...migratedClasses(settings)])
  const known = ['name', 'class_name', 'script_name', 'environment']
  eachEntry(settings, { key: 'durable_objects', sub: 'bindings', known }, (entry) => {
    const script = entry.optionalText('script_name')
    if (script !== undefined && script !== ownName)
      refuse(
        file,
        [...entry.at, 'script_name'],
        'objects of another Worker live in its own process. Call that Worker through a service binding.',
        'Unsupported',
      )
    const className = entry.text('class_name')
    classes.add(className)
    draft.bind(entry.text('name'), entry.at, { type: 'object', className })
  })
  return [...classes]
}

/**
 * Names of the Durable Object classes in `exports` of a wrangler file; other entries of `exports` are
 * checked.
 */
function exportedClasses(settings: Settings): string[] {
  const { file, problems } = settings
  const found = settings.get('exports')
  const entries = Object.entries((found?.value ?? {}) as Record<string, unknown>)
  if (entries.length > 0 && isList(settings.get('migrations')?.value))
    problems.attempt(() =>
      refuse(file, found?.at ?? [], 'classes are named by "exports" or by "migrations", not by both.'),
    )
  const classes: string[] = []
  for (const [name, value] of entries)
    problems.attempt(() => {
      const at = [...(found?.at ?? []), name]
      const { type, state, container } = (value ?? {}) as Record<string, unknown>
      if (type === 'workflow')
        refuse(file, at, 'Workflows run on Cloudflare only. Use a queue or a cron.', 'Unsupported')
      if (type !== 'durable-object' && type !== 'worker')
        refuse(file, [...at, 'type'], `it is "durable-object" or "worker", not ${JSON.stringify(type)}.`)
      if (container !== undefined)
        refuse(file, [...at, 'container'], 'Cloudflare Containers run on Cloudflare only.', 'Unsupported')
      if (type === 'durable-object' && (state === undefined || state === 'created')) classes.push(name)
    })
  return classes
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

/**
 * Names of the Durable Object classes that exist after all `migrations`, whether or not a binding uses them.
 */
function migratedClasses(settings: Settings): Set<string> {
  const classes = new Set<string>()
  const list = settings.get('migrations')?.value
  const names = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : [])
  for (const step of Array.isArray(list) ? (list as Record<string, unknown>[]) : []) {
    for (const name of [...names(step['new_classes']), ...names(step['new_sqlite_classes'])])
      classes.add(name)
    for (const name of names(step['deleted_classes'])) classes.delete(name)
    for (const { from, to } of (step['renamed_classes'] ?? []) as { from: string; to: string }[])
      if (classes.delete(from)) classes.add(to)
  }
  return classes
}
