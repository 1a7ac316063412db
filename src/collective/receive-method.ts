import type { Metadata, MethodDefinition } from '@grpc/grpc-js';
import type { ReceiveRequest } from '../rpc/gen/ftctl/collective/v1/ReceiveRequest.js';
import { services } from '../rpc/proto.js';
import { encodeFrames, type Frame, MAX_RESPONSE_BYTES } from './wire.js';

/** The writable side of a Receive call, as the worker that is called has it. */
export interface ReceiveCall {
  readonly request: ReceiveRequest;
  readonly cancelled: boolean;
  write(frames: readonly Frame[]): boolean;
  end(): void;
  sendMetadata(metadata: Metadata): void;
  emit(event: 'error', error: object): boolean;
  on(event: 'drain' | 'cancelled', listener: () => void): unknown;
}

/** Bytes to be sent: grpc-js copies them, to put its own header before them, as soon as they are serialised. */
const scratch = Buffer.allocUnsafeSlow(MAX_RESPONSE_BYTES);

/** CollectiveService.Receive with frames in the place of its protobuf response (wire.ts). */
export function receiveMethod(): MethodDefinition<ReceiveRequest, readonly Frame[]> & {
  readonly responseBytes: (bytes: Buffer) => Buffer;
} {
  const { path, requestSerialize, requestDeserialize } =
    services().CollectiveService.service.Receive;
  return {
    path,
    requestStream: false,
    responseStream: true,
    requestSerialize,
    requestDeserialize,
    responseSerialize: (frames) => encodeFrames(frames, scratch),
    responseDeserialize: () => {
      throw new TypeError('Frames are read by FrameReader, stream by stream.');
    },
    responseBytes: (bytes) => bytes,
  };
}
