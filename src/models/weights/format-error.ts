/**
 * Bytes are not what their format says. Thrown by the readers, which do not know the file's name; whoever knows it makes an
 * FtctlError of it. The message is a sentence that continues "FILE cannot be read:".
 */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  /** What to do about it, where it is something else than to fetch the file again. */
  readonly remedy: string | undefined;

  constructor(message: string, options: { cause?: unknown; remedy?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.remedy = options.remedy;
  }
}

/** A pickle asks for a global that is not on the allow-list. */
export class RefusedGlobalError extends Error {
  override readonly name = 'RefusedGlobalError';
  /** As Python names it: `os.system`. */
  readonly global: string;

  constructor(global: string) {
    super(`the pickle asks for ${global}`);
    this.global = global;
  }
}
