/** The package as npm packs it, installed into folders that have nothing else than what is named. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readPackage, ROOT } from './package.ts'

/**
 * Packs the checkout (its `dist` as it is) and unpacks the tarball below `dir`. Returns the folder of the
 * package.
 */
export function unpack(dir: string): string {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', dir]
  const [packed] = JSON.parse(
    execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  ) as [{ filename: string }]
  execFileSync('tar', ['-xzf', join(dir, packed.filename), '-C', dir])
  return join(dir, 'package')
}

/**
 * Makes `dir` a project in which `unmoor` and these packages are installed, each with the packages that it
 * depends on and no other. They are links into this checkout, so nothing is downloaded; a program that looks
 * at them has to preserve symbolic links, or it sees all packages of the checkout.
 */
export function install(dir: string, unmoor: string, packages: readonly string[]): void {
  mkdirSync(join(dir, 'node_modules'), { recursive: true })
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  symlinkSync(unmoor, join(dir, 'node_modules/unmoor'))
  const wanted = [...packages, ...Object.keys(readPackage(ROOT).dependencies)]
  for (const name of closure(wanted)) {
    const link = join(dir, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), link)
  }
}

interface Dependent {
  dependencies?: Readonly<Record<string, string>>
  optionalDependencies?: Readonly<Record<string, string>>
  peerDependencies?: Readonly<Record<string, string>>
  peerDependenciesMeta?: Readonly<Record<string, { optional?: boolean }>>
}

/**
 * The packages at the top of this checkout's node_modules that these need, with themselves. What npm has
 * nested comes with the package that holds it.
 */
function closure(names: readonly string[]): Set<string> {
  const found = new Set<string>()
  const visit = (name: string, from: string): void => {
    const nested = from === ROOT ? undefined : join(from, 'node_modules', name)
    const isNested = nested !== undefined && existsSync(nested)
    if (!isNested && found.has(name)) return
    const folder = isNested ? nested : join(ROOT, 'node_modules', name)
    if (!existsSync(folder)) return
    if (!isNested) found.add(name)
    for (const dependency of dependenciesOf(folder)) visit(dependency, folder)
  }
  for (const name of names) {
    if (!existsSync(join(ROOT, 'node_modules', name)))
      throw new Error(`${name} is not installed in this checkout. Add it to devDependencies.`)
    visit(name, ROOT)
  }
  return found
}

function dependenciesOf(folder: string): string[] {
  const file = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Dependent
  const peers = Object.keys(file.peerDependencies ?? {}).filter(
    (name) => file.peerDependenciesMeta?.[name]?.optional !== true,
  )
  return [...Object.keys(file.dependencies ?? {}), ...Object.keys(file.optionalDependencies ?? {}), ...peers]
}
