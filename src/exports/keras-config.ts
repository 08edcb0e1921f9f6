/** The architecture of an export as JSON, in the words of Keras 2 (which TensorFlow.js reads too) and of Keras 3. */
import type { JsonObject } from '../base/json.ts';
import type { Network } from '../networks/network.ts';
import type { KerasLayer } from './keras-layers.ts';

/** @param inputName name of the input layer */
export function sequentialConfig(network: Network, inputName: string, layers: readonly KerasLayer[]): JsonObject {
  const input = { batch_input_shape: [null, ...network.input], dtype: 'float32', sparse: false, name: inputName };
  return {
    class_name: 'Sequential',
    config: {
      name: network.name,
      layers: [
        { class_name: 'InputLayer', config: input },
        ...layers.map(({ className, config }) => ({ class_name: className, config })),
      ],
    },
  };
}

export function keras3Config(network: Network, inputName: string, layers: readonly KerasLayer[]): JsonObject {
  const shape = [null, ...network.input];
  const entry = (className: string, config: JsonObject): JsonObject => ({
    module: 'keras.layers',
    class_name: className,
    config,
    registered_name: null,
  });
  return {
    module: 'keras',
    class_name: 'Sequential',
    config: {
      name: network.name,
      trainable: true,
      layers: [
        entry('InputLayer', { batch_shape: shape, dtype: 'float32', sparse: false, name: inputName }),
        ...layers.map(({ className, config }) => entry(className, config)),
      ],
      build_input_shape: shape,
    },
    registered_name: null,
    build_config: { input_shape: shape },
  };
}
