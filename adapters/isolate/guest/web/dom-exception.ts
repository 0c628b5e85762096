import { defineConstants } from './define.ts'

const CODES: Readonly<Record<string, number>> = {
  IndexSizeError: 1,
  HierarchyRequestError: 3,
  WrongDocumentError: 4,
  InvalidCharacterError: 5,
  NoModificationAllowedError: 7,
  NotFoundError: 8,
  NotSupportedError: 9,
  InUseAttributeError: 10,
  InvalidStateError: 11,
  SyntaxError: 12,
  InvalidModificationError: 13,
  NamespaceError: 14,
  InvalidAccessError: 15,
  TypeMismatchError: 17,
  SecurityError: 18,
  NetworkError: 19,
  AbortError: 20,
  URLMismatchError: 21,
  QuotaExceededError: 22,
  TimeoutError: 23,
  InvalidNodeTypeError: 24,
  DataCloneError: 25,
}

/** Constants of the interface, in the order of the Web IDL; those of names that are gone are still there. */
const CONSTANTS = [
  'INDEX_SIZE',
  'DOMSTRING_SIZE',
  'HIERARCHY_REQUEST',
  'WRONG_DOCUMENT',
  'INVALID_CHARACTER',
  'NO_DATA_ALLOWED',
  'NO_MODIFICATION_ALLOWED',
  'NOT_FOUND',
  'NOT_SUPPORTED',
  'INUSE_ATTRIBUTE',
  'INVALID_STATE',
  'SYNTAX',
  'INVALID_MODIFICATION',
  'NAMESPACE',
  'INVALID_ACCESS',
  'VALIDATION',
  'TYPE_MISMATCH',
  'SECURITY',
  'NETWORK',
  'ABORT',
  'URL_MISMATCH',
  'QUOTA_EXCEEDED',
  'TIMEOUT',
  'INVALID_NODE_TYPE',
  'DATA_CLONE',
] as const

/** The web's DOMException. */
export class DOMException extends Error {
  #name: string

  constructor(message = '', options: string | { name?: string; cause?: unknown } = 'Error') {
    super(`${message}`)
    if (typeof options === 'object' && options !== null) {
      this.#name = options.name === undefined ? 'Error' : `${options.name}`
      if ('cause' in options) Object.defineProperty(this, 'cause', { value: options.cause, writable: true, configurable: true })
    } else this.#name = `${options}`
  }

  override get name(): string {
    return this.#name
  }

  get code(): number {
    return CODES[this.#name] ?? 0
  }
}

defineConstants(DOMException, Object.fromEntries(CONSTANTS.map((name, index) => [`${name}_ERR`, index + 1])))
