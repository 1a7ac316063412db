interface Progress {
  readonly message: string;
  readonly done: number;
  /** 0: unknown. */
  readonly total: number;
}

/** Tells on stderr what takes long: each new message once, and on a terminal how far it is. */
export function progressLine(): (progress: Progress) => void {
  let last = '';
  let lastTenth = -1;
  return ({ message, done, total }) => {
    const tenth = total === 0 ? -1 : Math.floor((10 * done) / total);
    if (message === last && tenth === lastTenth) return;
    const isNew = message !== last;
    last = message;
    lastTenth = tenth;
    if (process.stderr.isTTY && tenth >= 0) process.stderr.write(`${message} ${10 * tenth} %\n`);
    else if (isNew) process.stderr.write(`${message}\n`);
  };
}
