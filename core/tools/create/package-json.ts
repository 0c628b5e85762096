/** The package.json of a new project, and what is added to one that is there already. */
import { nodeRange, type ProjectPackages } from './catalogue.ts'

/** What a project's package.json gets from `unmoor init`. */
export interface PackageParts extends ProjectPackages {
  scripts: Record<string, string>
}

/** A package.json with what was missing added, and what that was. */
export interface MergedPackage {
  /** The new text; equal to the old one if nothing was missing. */
  text: string
  /** Paths of the values that were added, such as `scripts.build`. */
  added: string[]
  /** A line for each value that stayed though unmoor would have another. */
  kept: string[]
  /** The npm script that runs each of the wanted ones, by the wanted name. */
  scriptNames: Record<string, string>
}

/** Returns the text of a new project's package.json. */
export function newPackageJson(name: string, parts: PackageParts): string {
  const { scripts, dependencies, devDependencies, allowScripts } = parts
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: nodeRange },
    scripts,
    dependencies,
    devDependencies,
    allowScripts,
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/**
 * Adds what is missing to a package.json: scripts, packages and `allowScripts`. No value is changed, and
 * nothing is added that would change what is there: `type` decides how Node reads a package's files, and
 * `private` whether it can be published. A script whose name is taken is added as `unmoor:NAME`.
 *
 * @throws `SyntaxError` if the text is no JSON, `TypeError` if it is no object.
 */
export function mergePackageJson(text: string, parts: PackageParts): MergedPackage {
  const manifest: unknown = JSON.parse(text)
  if (!isRecord(manifest)) throw new TypeError('it is no JSON object')
  const added: string[] = []
  const kept: string[] = []
  const scriptNames: Record<string, string> = {}
  const add = (section: string, name: string, value: unknown): void => {
    const there = (manifest[section] ??= {})
    if (!isRecord(there)) throw new TypeError(`"${section}" is no object`)
    there[name] = value
    added.push(`${section}.${name}`)
  }
  for (const [name, line] of Object.entries(parts.scripts)) {
    const there = entryOf(manifest, 'scripts', name)
    const other = `unmoor:${name}`
    scriptNames[name] = there === undefined || there === line ? name : other
    if (there === undefined) add('scripts', name, line)
    else if (there !== line) {
      kept.push(`scripts.${name} stays; unmoor's is scripts.${other}`)
      if (entryOf(manifest, 'scripts', other) === undefined) add('scripts', other, line)
    }
  }
  for (const section of ['dependencies', 'devDependencies'] as const)
    for (const [name, range] of Object.entries(parts[section])) {
      const place = SECTIONS.find((each) => entryOf(manifest, each, name) !== undefined)
      if (place === undefined) add(section, name, range)
      else if (entryOf(manifest, place, name) !== range && name !== 'unmoor')
        kept.push(
          `${place}.${name} stays ${String(entryOf(manifest, place, name))}; unmoor is tested with ${range}`,
        )
    }
  for (const [name, allowed] of Object.entries(parts.allowScripts))
    if (entryOf(manifest, 'allowScripts', name) === undefined) add('allowScripts', name, allowed)
  if (added.length === 0) return { text, added, kept, scriptNames }
  const indent = /^([\t ]+)"/m.exec(text)?.[1] ?? 2
  const end = /\r?\n?$/.exec(text)?.[0] ?? ''
  return { text: JSON.stringify(manifest, null, indent) + end, added, kept, scriptNames }
}

const SECTIONS = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'] as const

/** Returns an own entry of a section of package.json; undefined if there is none. */
export function entryOf(manifest: Readonly<Record<string, unknown>>, section: string, name: string): unknown {
  const there = manifest[section]
  return isRecord(there) && Object.hasOwn(there, name) ? there[name] : undefined
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
