import type { DriverSpec } from '../../../../core/adapter.ts'
import { constantCase } from '../../../../core/bindings/declarations.ts'
import type { Manifest } from '../../../../core/manifest.ts'

/** An SQS queue to create among the local services. */
export interface PlannedQueue {
  binding: string
  /** Name of the local queue in SQS. */
  name: string
  /** Name of the variable that receives the local SQS queue's URL. */
  variable: string
  redrive?: { binding: string; maxReceiveCount: number }
}

/** The local services that the drivers of an artifact need. */
export interface Plan {
  /** DynamoDB table names by the variable that receives them; empty if no DynamoDB is needed. */
  tables: Record<string, string>
  buckets: Record<string, string>
  queues: PlannedQueue[]
  /** Names of the variables that receive a Postgres URL. */
  databases: string[]
}

type Variables = Readonly<Record<string, string>>

/**
 * Derives the plan of local services from the drivers. Services whose endpoint, and databases whose URL, is
 * in `variables` belong to the caller and are not planned.
 */
export function createPlan(
  manifest: Manifest,
  drivers: Readonly<Record<string, DriverSpec>>,
  variables: Variables,
): Plan {
  const plan: Plan = { tables: {}, buckets: {}, queues: [], databases: [] }
  const own = (service: string): boolean =>
    variables['AWS_ENDPOINT_URL'] !== undefined || variables[`AWS_ENDPOINT_URL_${service}`] !== undefined
  for (const [binding, spec] of Object.entries(drivers)) {
    const declaration = manifest.bindings[binding]
    if (spec.driver === 'dynamodb') {
      if (!own('DYNAMODB'))
        addName(plan.tables, spec['table'], 'UNMOOR_TABLE', variables, `unmoor-${slug(manifest.name)}`)
      if (!own('S3'))
        addName(plan.buckets, spec['bucket'], 'UNMOOR_BUCKET', variables, `unmoor-${slug(manifest.name)}`)
    }
    if (spec.driver === 'api-gateway' && !own('DYNAMODB'))
      addName(plan.tables, spec['table'], 'UNMOOR_TABLE', variables, `unmoor-${slug(manifest.name)}`)
    if (spec.driver === 's3' && !own('S3'))
      addName(plan.buckets, spec['bucket'], 'UNMOOR_BUCKET', variables, `unmoor-${slug(manifest.name)}`)
    if (spec.driver === 'sqs' && declaration?.kind === 'queue' && !own('SQS')) {
      const queue: PlannedQueue = {
        binding,
        name: `${slug(manifest.name)}-${binding}${spec['fifo'] === true ? '.fifo' : ''}`,
        variable: variableOf(spec['url']) ?? `${constantCase(binding)}_QUEUE_URL`,
      }
      if (declaration.deadLetterQueue !== undefined)
        queue.redrive = { binding: declaration.deadLetterQueue, maxReceiveCount: declaration.maxRetries + 1 }
      plan.queues.push(queue)
    }
    if (spec.driver === 'postgres') {
      const variable = variableOf(spec['url']) ?? (spec['url'] === undefined ? 'DATABASE_URL' : undefined)
      if (variable !== undefined && variables[variable] === undefined && !plan.databases.includes(variable))
        plan.databases.push(variable)
    }
  }
  return plan
}

/**
 * Plans a local resource (a table or a bucket). Its name is the one that the options or the variables fix,
 * else `name`.
 */
function addName(
  names: Record<string, string>,
  option: unknown,
  fallback: string,
  variables: Variables,
  name: string,
): void {
  if (typeof option === 'string') {
    names[`=${option}`] = option
    return
  }
  const variable = variableOf(option) ?? fallback
  names[variable] = variables[variable] ?? name
}

function variableOf(option: unknown): string | undefined {
  const name = (option as { env?: unknown } | undefined)?.env
  return typeof name === 'string' ? name : undefined
}

/** Converts a name to lower-case letters, digits and single hyphens, as bucket and queue names require. */
export function slug(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 40) || 'app'
  )
}
