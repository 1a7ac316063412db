// Generated from proto/ by `npm run proto:types`. Do not edit.

import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ErrorInput as _ftctl_common_v1_ErrorInput, Error as _ftctl_common_v1_Error } from './ftctl/common/v1/Error.js';
import type { GenerationInput as _ftctl_common_v1_GenerationInput, Generation as _ftctl_common_v1_Generation } from './ftctl/common/v1/Generation.js';
import type { GenerationIdInput as _ftctl_common_v1_GenerationIdInput, GenerationId as _ftctl_common_v1_GenerationId } from './ftctl/common/v1/GenerationId.js';
import type { MemberInput as _ftctl_common_v1_MemberInput, Member as _ftctl_common_v1_Member } from './ftctl/common/v1/Member.js';
import type { StateRefInput as _ftctl_common_v1_StateRefInput, StateRef as _ftctl_common_v1_StateRef } from './ftctl/common/v1/StateRef.js';
import type { AbortInput as _ftctl_coordinator_v1_AbortInput, Abort as _ftctl_coordinator_v1_Abort } from './ftctl/coordinator/v1/Abort.js';
import type { AcknowledgeInput as _ftctl_coordinator_v1_AcknowledgeInput, Acknowledge as _ftctl_coordinator_v1_Acknowledge } from './ftctl/coordinator/v1/Acknowledge.js';
import type { CommitInput as _ftctl_coordinator_v1_CommitInput, Commit as _ftctl_coordinator_v1_Commit } from './ftctl/coordinator/v1/Commit.js';
import type { CoordinatorMessageInput as _ftctl_coordinator_v1_CoordinatorMessageInput, CoordinatorMessage as _ftctl_coordinator_v1_CoordinatorMessage } from './ftctl/coordinator/v1/CoordinatorMessage.js';
import type { EpochTrainingInput as _ftctl_coordinator_v1_EpochTrainingInput, EpochTraining as _ftctl_coordinator_v1_EpochTraining } from './ftctl/coordinator/v1/EpochTraining.js';
import type { FailedInput as _ftctl_coordinator_v1_FailedInput, Failed as _ftctl_coordinator_v1_Failed } from './ftctl/coordinator/v1/Failed.js';
import type { HelloInput as _ftctl_coordinator_v1_HelloInput, Hello as _ftctl_coordinator_v1_Hello } from './ftctl/coordinator/v1/Hello.js';
import type { LocalReportInput as _ftctl_coordinator_v1_LocalReportInput, LocalReport as _ftctl_coordinator_v1_LocalReport } from './ftctl/coordinator/v1/LocalReport.js';
import type { PeerLostInput as _ftctl_coordinator_v1_PeerLostInput, PeerLost as _ftctl_coordinator_v1_PeerLost } from './ftctl/coordinator/v1/PeerLost.js';
import type { PrepareInput as _ftctl_coordinator_v1_PrepareInput, Prepare as _ftctl_coordinator_v1_Prepare } from './ftctl/coordinator/v1/Prepare.js';
import type { PreparedInput as _ftctl_coordinator_v1_PreparedInput, Prepared as _ftctl_coordinator_v1_Prepared } from './ftctl/coordinator/v1/Prepared.js';
import type { ReadyInput as _ftctl_coordinator_v1_ReadyInput, Ready as _ftctl_coordinator_v1_Ready } from './ftctl/coordinator/v1/Ready.js';
import type { ReleaseInput as _ftctl_coordinator_v1_ReleaseInput, Release as _ftctl_coordinator_v1_Release } from './ftctl/coordinator/v1/Release.js';
import type { RoundReportInput as _ftctl_coordinator_v1_RoundReportInput, RoundReport as _ftctl_coordinator_v1_RoundReport } from './ftctl/coordinator/v1/RoundReport.js';
import type { SnapshotHeldInput as _ftctl_coordinator_v1_SnapshotHeldInput, SnapshotHeld as _ftctl_coordinator_v1_SnapshotHeld } from './ftctl/coordinator/v1/SnapshotHeld.js';
import type { StageInput as _ftctl_coordinator_v1_StageInput, Stage as _ftctl_coordinator_v1_Stage } from './ftctl/coordinator/v1/Stage.js';
import type { WelcomeInput as _ftctl_coordinator_v1_WelcomeInput, Welcome as _ftctl_coordinator_v1_Welcome } from './ftctl/coordinator/v1/Welcome.js';
import type { WorkerMessageInput as _ftctl_coordinator_v1_WorkerMessageInput, WorkerMessage as _ftctl_coordinator_v1_WorkerMessage } from './ftctl/coordinator/v1/WorkerMessage.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  ftctl: {
    common: {
      v1: {
        Error: MessageTypeDefinition<_ftctl_common_v1_ErrorInput, _ftctl_common_v1_Error>
        Generation: MessageTypeDefinition<_ftctl_common_v1_GenerationInput, _ftctl_common_v1_Generation>
        GenerationId: MessageTypeDefinition<_ftctl_common_v1_GenerationIdInput, _ftctl_common_v1_GenerationId>
        Member: MessageTypeDefinition<_ftctl_common_v1_MemberInput, _ftctl_common_v1_Member>
        SnapshotKind: EnumTypeDefinition
        StateRef: MessageTypeDefinition<_ftctl_common_v1_StateRefInput, _ftctl_common_v1_StateRef>
      }
    }
    coordinator: {
      v1: {
        Abort: MessageTypeDefinition<_ftctl_coordinator_v1_AbortInput, _ftctl_coordinator_v1_Abort>
        Acknowledge: MessageTypeDefinition<_ftctl_coordinator_v1_AcknowledgeInput, _ftctl_coordinator_v1_Acknowledge>
        Commit: MessageTypeDefinition<_ftctl_coordinator_v1_CommitInput, _ftctl_coordinator_v1_Commit>
        CoordinatorMessage: MessageTypeDefinition<_ftctl_coordinator_v1_CoordinatorMessageInput, _ftctl_coordinator_v1_CoordinatorMessage>
        EpochTraining: MessageTypeDefinition<_ftctl_coordinator_v1_EpochTrainingInput, _ftctl_coordinator_v1_EpochTraining>
        Failed: MessageTypeDefinition<_ftctl_coordinator_v1_FailedInput, _ftctl_coordinator_v1_Failed>
        Hello: MessageTypeDefinition<_ftctl_coordinator_v1_HelloInput, _ftctl_coordinator_v1_Hello>
        LocalReport: MessageTypeDefinition<_ftctl_coordinator_v1_LocalReportInput, _ftctl_coordinator_v1_LocalReport>
        PeerLost: MessageTypeDefinition<_ftctl_coordinator_v1_PeerLostInput, _ftctl_coordinator_v1_PeerLost>
        Prepare: MessageTypeDefinition<_ftctl_coordinator_v1_PrepareInput, _ftctl_coordinator_v1_Prepare>
        PreparePurpose: EnumTypeDefinition
        Prepared: MessageTypeDefinition<_ftctl_coordinator_v1_PreparedInput, _ftctl_coordinator_v1_Prepared>
        Ready: MessageTypeDefinition<_ftctl_coordinator_v1_ReadyInput, _ftctl_coordinator_v1_Ready>
        Release: MessageTypeDefinition<_ftctl_coordinator_v1_ReleaseInput, _ftctl_coordinator_v1_Release>
        RoundKind: EnumTypeDefinition
        RoundReport: MessageTypeDefinition<_ftctl_coordinator_v1_RoundReportInput, _ftctl_coordinator_v1_RoundReport>
        SnapshotHeld: MessageTypeDefinition<_ftctl_coordinator_v1_SnapshotHeldInput, _ftctl_coordinator_v1_SnapshotHeld>
        Split: EnumTypeDefinition
        Stage: MessageTypeDefinition<_ftctl_coordinator_v1_StageInput, _ftctl_coordinator_v1_Stage>
        Welcome: MessageTypeDefinition<_ftctl_coordinator_v1_WelcomeInput, _ftctl_coordinator_v1_Welcome>
        WorkerMessage: MessageTypeDefinition<_ftctl_coordinator_v1_WorkerMessageInput, _ftctl_coordinator_v1_WorkerMessage>
      }
    }
  }
}

