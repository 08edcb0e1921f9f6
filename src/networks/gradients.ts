/** TensorFlow.js registers the gradients of its kernels on request: this is the request. Import it where gradients are taken. */
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
