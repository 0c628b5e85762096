/**
 * `unmoor/adapter`: the contract for adapters that unmoor does not ship, and what their build halves need.
 * Types and web standards only.
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
  EnvironmentChoice,
  InstalledPackage,
  LocalRuntime,
  Log,
  MigrateOptions,
  MigrateReport,
  RecordedReport,
  StartOptions,
} from './adapter.ts'
export { ARTIFACT_FORMAT, NODE_GLOBALS } from './adapter.ts'
export {
  deployOptions,
  type DeployContext,
  type DeployOptions,
  type DeployPhase,
  type DeployPlan,
  type DeployStep,
  type DeployTarget,
  type ProgramOptions,
  type ProgramResult,
  type SmokeRequest,
} from './deploy.ts'
export {
  constantCase,
  type AnyDeclaration,
  type BindingKind,
  type CounterDeclaration,
  type ObjectsDeclaration,
} from './bindings/declarations.ts'
export type { SqlDialect } from './bindings/drivers.ts'
export type { AppliedMigration, Migration, RecordedMigrations } from './bindings/migrations.ts'
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
// An augmentation of `unmoor` compiles only if that entry is in the TypeScript program. This export adds the
// entry for packages that import `unmoor/adapter` alone.
export type { DeployTargets, Drivers, Targets } from './index.ts'
