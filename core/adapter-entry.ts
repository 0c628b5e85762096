/**
 * `unmoor/adapter`: the contract for targets of one's own, and what such an adapter's build half needs. Types
 * and web standards only.
 */
export type {
  Adapter,
  ArtifactInfo,
  AssetFile,
  BuildContext,
  Bundle,
  BundleOptions,
  CodeFacts,
  DriverSpec,
  InstalledPackage,
  LocalRuntime,
  Log,
  MigrateReport,
  StartOptions,
} from './adapter.ts'
export { ARTIFACT_FORMAT, NODE_GLOBALS } from './adapter.ts'
export {
  constantCase,
  type AnyDeclaration,
  type BindingKind,
  type CounterDeclaration,
  type ObjectsDeclaration,
} from './bindings/declarations.ts'
export type { Migration } from './bindings/migrations.ts'
export type {
  DriverOptionTables,
  NumberOption,
  OptionTable,
  OptionType,
  OptionTypeOf,
  RenamedOption,
  ValueTypeOf,
} from './option-table.ts'
export { CAPABILITIES, type Capabilities, type Capability, NO_SOCKETS } from './capabilities.ts'
export { isUnmoorError, UnmoorError } from './errors.ts'
export { LIMITS } from './limits.ts'
export type { Manifest } from './manifest.ts'
// TypeScript augments `unmoor` only where its entry is in the program: it is, for who imports this one alone.
export type { Drivers, Targets } from './index.ts'
