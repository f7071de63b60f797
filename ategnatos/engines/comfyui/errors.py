"""The refusals of the ComfyUI client, one code for each thing that a person does next."""

from __future__ import annotations

from ategnatos.grimoire.errors import ErrorCode

UNREACHABLE = ErrorCode("comfyui_unreachable", "No ComfyUI answers at that address.")
NOT_COMFYUI = ErrorCode("comfyui_not_comfyui", "Something answers there, but it is no ComfyUI.")
SIGN_IN = ErrorCode("comfyui_sign_in", "A proxy in front of ComfyUI wants credentials.")
REJECTED = ErrorCode("comfyui_rejected", "ComfyUI refused the workflow before running it.")
PARTIAL = ErrorCode("comfyui_partial", "ComfyUI would have run only a part of the workflow.")
FAILED = ErrorCode("comfyui_failed", "A node of the workflow raised an error.")
OUT_OF_MEMORY = ErrorCode("comfyui_out_of_memory", "The machine of ComfyUI ran out of memory.")
INTERRUPTED_RUN = ErrorCode("comfyui_interrupted", "Somebody stopped the run at the server.")
NOTHING_MADE = ErrorCode("comfyui_nothing_made", "The run ended well and left no output.")
LOST = ErrorCode("comfyui_lost", "ComfyUI no longer knows the run.")
SILENT = ErrorCode("comfyui_silent", "ComfyUI stopped answering while a run was under way.")
TIMED_OUT = ErrorCode("comfyui_timeout", "The time given for the whole run was used up.")
OUTPUT_GONE = ErrorCode("comfyui_output_gone", "ComfyUI names an output that it no longer has.")
OUTPUT_BROKEN = ErrorCode("comfyui_output_broken", "An output is not what its name says it is.")
UPLOAD_FAILED = ErrorCode("comfyui_upload", "ComfyUI did not take an upload.")
WORKFLOW_FORM = ErrorCode("comfyui_workflow_form", "The file is no workflow that can be sent.")
SETTING = ErrorCode("comfyui_setting", "A value for a workflow names no input of it.")
REMOTE = ErrorCode("comfyui_remote", "The address of ComfyUI is not on this machine.")
