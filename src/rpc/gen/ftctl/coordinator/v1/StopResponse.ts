// Generated from proto/ by `npm run proto:types`. Do not edit.

export interface StopResponseInput {
}

export interface StopResponse {
}
