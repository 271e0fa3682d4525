/** What `mailtrap-receiver/testing` exports: all that a handler's own tests need. */
export {
  type HandlerRun,
  type LoggedLine,
  type RunHandlerOptions,
  runHandler,
} from './run-handler.ts'
export { type SampleOverrides, type SampleType, sampleEvent } from './sample-event.ts'
export {
  SAMPLE_SECRET,
  type SignedRequest,
  type SignedRequestOptions,
  signedRequest,
} from './signed-request.ts'
