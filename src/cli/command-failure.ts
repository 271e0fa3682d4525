export const EXIT_CODES = { ok: 0, failed: 1, usage: 2, configuration: 78 } as const
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

/** A command could not do what it was asked. The text is a sentence for a person. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, options: { exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'CommandFailure'
    this.exitCode = options.exitCode ?? EXIT_CODES.failed
  }
}
