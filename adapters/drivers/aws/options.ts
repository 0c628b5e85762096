import { type OptionTable, TIMEOUT_ONCE_MS } from '../../../core/option-table.ts'

/** Options that every AWS driver takes. */
export interface AwsOptions {
  /** Region of the AWS service. Default: variable `AWS_REGION`, else `AWS_DEFAULT_REGION`. */
  region?: string
  /**
   * Origin of another server that speaks the AWS service's protocol. Default: variable
   * `AWS_ENDPOINT_URL_DYNAMODB` (`_S3`, `_SQS`, `_SECRETSMANAGER`, `_SSM`), else `AWS_ENDPOINT_URL`, else AWS
   * itself.
   */
  endpoint?: string
  /**
   * Seconds without progress after which a request to AWS fails with `Timeout`, at most 900; fractions are
   * fine. Default: 10.
   */
  timeout?: number
  /** Maximum number of repetitions of a failed AWS request where repeating is safe. Default: 3. */
  retries?: number
}

export const awsOptions = {
  region: 'string',
  endpoint: 'string',
  timeout: TIMEOUT_ONCE_MS,
  retries: { number: 'times', whole: true },
} satisfies OptionTable<AwsOptions>
