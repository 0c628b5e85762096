import type { QueueDeclaration } from '../../../../core/bindings/declarations.ts'

/** A part of a CloudFormation template, as plain data. */
export type Part = Record<string, unknown>

/** Returns a CloudFormation reference to a resource or parameter. */
export const ref = (name: string): Part => ({ Ref: name })

/** What invokes the function: URLs, APIs, event source mappings and schedules lead to it. */
export interface Invoked {
  /** Name or ARN, for resources that take either. */
  readonly name: Part
  readonly arn: Part
}

/** Returns the URI by which API Gateway invokes the function. */
export function invocationUri({ arn }: Invoked): Part {
  return {
    'Fn::Sub': [
      'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/' +
        'functions/${Invoked}/invocations',
      { Invoked: arn },
    ],
  }
}

/**
 * Visibility timeout of an SQS queue in seconds: six times the function's timeout, as AWS advises, plus the
 * batch window.
 */
export function visibility(timeout: number, { batchWait }: QueueDeclaration): number {
  return Math.min(43_200, timeout * 6 + batchWait)
}
