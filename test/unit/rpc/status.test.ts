import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { fromStatus, isConnectionRefused, toStatus } from '../../../src/rpc/status.js';

const callee = { role: 'coordinator', address: '127.0.0.1:7000' } as const;
const serviceError = (code: status, details: string, metadata = new Metadata()): ServiceError =>
  Object.assign(new Error(`${code} ${details}`), { code, details, metadata });

describe('an error that crosses a call', () => {
  it('comes back whole', () => {
    const error = new FtctlError('FT_STATE_UNKNOWN', {
      what: 'No state.',
      why: 'Not ours: "\u00e9\n".',
      remedy: 'Look elsewhere.',
      details: { round: 3 },
      rank: 2,
      phase: 'recover',
    });
    const sent = toStatus(error);
    expect(sent.code).toBe(status.NOT_FOUND);
    const back = fromStatus(serviceError(sent.code, sent.details, sent.metadata), callee);
    expect(back.toJSON()).toEqual(error.toJSON());
  });

  it('is cut where it is too long for a trailer, and keeps its code', () => {
    const error = new FtctlError('FT_DISK_FULL', {
      what: 'x'.repeat(50_000),
      details: { files: 'y'.repeat(50_000) },
    });
    const sent = toStatus(error);
    expect(sent.details.length).toBe(1024);
    const back = fromStatus(serviceError(sent.code, sent.details, sent.metadata), callee);
    expect(back.code).toBe('FT_DISK_FULL');
    expect(back.message.length).toBe(1024);
    expect(back.remedy).toBe(error.remedy);
  });

  it('of an unknown kind is a bug of ours, without its stack', () => {
    const sent = toStatus(new TypeError('boom'));
    expect(sent.code).toBe(status.INTERNAL);
    expect(sent.details).toBe('Unexpected failure: boom');
  });
});

describe('a status that gRPC made', () => {
  const cases: [status, string, string, string][] = [
    [
      status.UNAUTHENTICATED,
      'no',
      'FT_TOKEN_REFUSED',
      'The coordinator at 127.0.0.1:7000 refused the join token.',
    ],
    [
      status.RESOURCE_EXHAUSTED,
      'Received message larger than max (5 vs 4)',
      'FT_MESSAGE_TOO_LARGE',
      'A message to or from the coordinator at 127.0.0.1:7000 is too large. Received message larger than max (5 vs 4).',
    ],
    [
      status.UNAVAILABLE,
      'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:7000',
      'FT_COORDINATOR_LOST',
      'There is no connection to the coordinator at 127.0.0.1:7000: the connection was refused, nobody listens there.',
    ],
    [
      status.UNAVAILABLE,
      'read ECONNRESET',
      'FT_COORDINATOR_LOST',
      'There is no connection to the coordinator at 127.0.0.1:7000: the connection was reset.',
    ],
    [
      status.UNIMPLEMENTED,
      'no such method',
      'FT_CALL_FAILED',
      'A call to the coordinator at 127.0.0.1:7000 failed: UNIMPLEMENTED: no such method.',
    ],
  ];
  for (const [code, details, expectedCode, message] of cases) {
    it(`is told in our words: ${status[code]} ${details.slice(0, 20)}`, () => {
      const error = fromStatus(serviceError(code, details), callee);
      expect(error.code).toBe(expectedCode);
      expect(error.message).toBe(message);
    });
  }

  it('says whether a process is gone', () => {
    expect(isConnectionRefused(serviceError(status.UNAVAILABLE, 'connect ECONNREFUSED'))).toBe(
      true,
    );
    expect(isConnectionRefused(serviceError(status.UNAVAILABLE, 'read ECONNRESET'))).toBe(false);
  });

  it('is told also where grpc-js gives no metadata, or a damaged trailer', () => {
    const bare = serviceError(status.UNAVAILABLE, 'x');
    Reflect.deleteProperty(bare, 'metadata');
    expect(fromStatus(bare, { role: 'worker', address: 'a:1' }).code).toBe('FT_PEER_UNREACHABLE');
    const metadata = new Metadata();
    metadata.set('ftctl-error-bin', Buffer.from('{'));
    expect(fromStatus(serviceError(status.UNAVAILABLE, 'x', metadata), callee).code).toBe(
      'FT_COORDINATOR_LOST',
    );
  });
});
