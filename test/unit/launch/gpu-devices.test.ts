import { describe, expect, it } from 'vitest';
import { visibleDevices } from '../../../src/launch/gpu-devices.js';

const smi = (output: string) => () => Promise.resolve(output);
const never = () => Promise.reject(new Error('nvidia-smi must not be asked'));

describe('the GPUs of a machine', () => {
  it('are those that the launcher was given', async () => {
    const env = { CUDA_VISIBLE_DEVICES: '2, GPU-abc,MIG-def' };
    expect(await visibleDevices(env, never)).toEqual(['2', 'GPU-abc', 'MIG-def']);
  });

  it('end at the first invalid id, as CUDA reads the list', async () => {
    expect(await visibleDevices({ CUDA_VISIBLE_DEVICES: '1,-1,0' }, never)).toEqual(['1']);
  });

  it('are all that the driver lists where nothing was given', async () => {
    const output = 'GPU-11\nGPU-22\n\n';
    expect(await visibleDevices({}, smi(output))).toEqual(['GPU-11', 'GPU-22']);
  });

  it('that are hidden, absent or unknown are errors with their remedy', async () => {
    for (const hidden of ['', '-1']) {
      await expect(visibleDevices({ CUDA_VISIBLE_DEVICES: hidden }, never)).rejects.toMatchObject({
        code: 'FT_ENGINE_UNAVAILABLE',
        message: `engine.provider is cuda, and CUDA_VISIBLE_DEVICES ("${hidden}") hides every GPU.`,
      });
    }
    await expect(visibleDevices({}, smi('No devices were found\n'))).rejects.toMatchObject({
      code: 'FT_ENGINE_UNAVAILABLE',
      message: 'engine.provider is cuda, and this machine has no NVIDIA GPU.',
    });
    const failing = () => Promise.reject(new Error('Driver/library version mismatch\n'));
    await expect(visibleDevices({}, failing)).rejects.toMatchObject({
      code: 'FT_ENGINE_UNAVAILABLE',
      message:
        'engine.provider is cuda, and nvidia-smi cannot list the GPUs of this machine. Driver/library version mismatch.',
    });
  });

  it('cannot be listed where nvidia-smi is not installed, and that is said', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '';
    try {
      await expect(visibleDevices({})).rejects.toMatchObject({
        code: 'FT_ENGINE_UNAVAILABLE',
        message:
          'engine.provider is cuda, and nvidia-smi cannot list the GPUs of this machine. It is not installed.',
      });
    } finally {
      process.env['PATH'] = path;
    }
  });
});
