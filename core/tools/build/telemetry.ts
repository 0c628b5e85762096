import type { Adapter } from '../../adapter.ts'
import { constantCase } from '../../bindings/declarations.ts'
import type { AnyConfig } from '../../config.ts'
import type { Manifest } from '../../manifest.ts'
import { configError } from './config-check.ts'
import type { DeclarationChange, DeclarationChanges } from './environments.ts'

/** OpenTelemetry's variables that the recorder reads (`core/telemetry/settings.ts`). */
const VARIABLES = [
  'OTEL_SDK_DISABLED',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_PROTOCOL',
  'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT',
  'OTEL_TRACES_EXPORTER',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_PROPAGATORS',
]

/** Bindings of the collector's headers, which may have a token: `OTEL_EXPORTER_OTLP_HEADERS` and its twin. */
const SECRETS = ['otelExporterOtlpHeaders', 'otelExporterOtlpTracesHeaders']

/**
 * Returns the declarations that telemetry adds to an app, by binding. An app's own declaration of the same
 * variable stays as it is.
 */
export function telemetryDeclarations({ bindings }: Manifest): DeclarationChanges {
  const own = new Set(Object.keys(bindings).map(constantCase))
  // The empty default makes a variable optional: OpenTelemetry takes it as not set.
  const declared: [string, DeclarationChange][] = [
    ...VARIABLES.map((name): [string, DeclarationChange] => [name, { kind: 'variable', default: '' }]),
    ...SECRETS.map((name): [string, DeclarationChange] => [name, { kind: 'secret', optional: true }]),
  ]
  return Object.fromEntries(declared.filter(([name]) => !own.has(constantCase(name))))
}

/** Refuses telemetry on a target that cannot tell which span is active. @throws `InvalidArgument`. */
export function checkTelemetry({ telemetry }: AnyConfig, { name, nodeBuiltins }: Adapter): void {
  if (telemetry === true && nodeBuiltins !== 'all' && !nodeBuiltins.includes('async_hooks'))
    throw configError(
      `unmoor.config.ts: telemetry: the target "${name}" lacks node:async_hooks, by which a span finds its ` +
        'parent. Remove "telemetry", or build for another target.',
    )
}
