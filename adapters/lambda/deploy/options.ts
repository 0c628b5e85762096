import { type DeployOptions, deployOptions } from '../../../core/deploy.ts'
import type { OptionTable } from '../../../core/option-table.ts'

/**
 * `targets.lambda.deploy` in unmoor.config.ts; every option is optional. `url` is by default the output `Url`
 * of the stack.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: {
 *     lambda: { deploy: { region: 'eu-west-1', parameters: { MemorySize: '1024' }, smoke: ['/health'] } },
 *   },
 * })
 * ```
 */
export interface LambdaDeployOptions extends DeployOptions {
  /** AWS region, such as `eu-west-1`. Default: the variable `AWS_REGION`, else `AWS_DEFAULT_REGION`. */
  readonly region?: string
  /** Name of the CloudFormation stack. Default: the app's name. */
  readonly stack?: string
  /**
   * Repository that the image is pushed to, without a tag, in the region of the function. Default:
   * `ACCOUNT.dkr.ecr.REGION.amazonaws.com/APP`, which the first deploy creates.
   */
  readonly repository?: string
  /**
   * Values of the template's parameters by name, such as `MemorySize`, `SubnetIds`, or `TokenSecret` for the
   * name of a secret. Default: secrets are `APP/BINDING` (`APP/VARIABLE` if no binding has them), the app's
   * variables are those of the template, and the rest stays as it is in the stack.
   */
  readonly parameters?: Readonly<Record<string, string | number>>
  /**
   * If false, a deploy applies no migrations, such as where only the function reaches the database. Default:
   * true.
   */
  readonly migrate?: boolean
}

export const lambdaDeployOptions = {
  ...deployOptions,
  region: 'string',
  stack: 'string',
  repository: 'string',
  parameters: 'object',
  migrate: 'boolean',
} satisfies OptionTable<LambdaDeployOptions>

/** Options that say where one environment is: no other one may have the same database, stack or image. */
export const LAMBDA_PLACES = ['url', 'stack', 'repository', 'parameters']
