import type { Adapter } from '../../adapter.ts'
import type { SocketsDeclaration } from '../../bindings/declarations.ts'
import type { Capability } from '../../capabilities.ts'
import { UnmoorError } from '../../errors.ts'
import type { Manifest } from '../../manifest.ts'
import { loadAdapter } from './adapters.ts'
import { TARGETS } from './targets.ts'

/** The capability that each option of a sockets declaration needs. */
const NEEDS: readonly (readonly [option: keyof SocketsDeclaration, needed: Capability])[] = [
  ['binary', 'sockets.binary'],
  ['largeMessages', 'sockets.largeMessages'],
]

/**
 * Refuses a sockets binding on a target without sockets, or without a capability that the declaration needs.
 *
 * @throws `Unsupported` naming the binding, the capability and the targets that have it.
 */
export async function checkSockets(
  { bindings }: Pick<Manifest, 'bindings'>,
  adapter: Adapter,
  projectDir: string,
): Promise<void> {
  for (const [binding, declaration] of Object.entries(bindings)) {
    if (declaration.kind !== 'sockets') continue
    const asked = NEEDS.filter(([option]) => declaration[option] === true)
    for (const [option, capability] of [['kind', 'sockets'] as const, ...asked]) {
      if (adapter.capabilities[capability]) continue
      const what = option === 'kind' ? 'is a sockets binding' : `declares sockets({ ${option}: true })`
      const others = await targetsWith(capability, projectDir)
      throw new UnmoorError(
        'Unsupported',
        `Binding "${binding}" ${what}, which the target "${adapter.name}" does not have (capability ` +
          `${capability}). Targets that have it: ${others.join(', ') || 'none'}. Build for one of those, ` +
          `or take ${option === 'kind' ? 'the binding' : 'the option'} out.`,
        { binding, operation: 'build', details: { capability } },
      )
    }
  }
}

async function targetsWith(capability: Capability, projectDir: string): Promise<string[]> {
  const adapters = await Promise.all(
    TARGETS.map((target) => loadAdapter(target, projectDir).catch(() => undefined)),
  )
  return adapters.flatMap((one) => (one?.capabilities[capability] === true ? [one.name] : []))
}
