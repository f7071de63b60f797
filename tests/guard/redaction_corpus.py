"""Sixty texts with a credential and sixty that only look so.

The credentials are made up here from a fixed seed, so that no file holds anything that a
scanner for leaked keys would report. Each comes with the text around it.
"""

from __future__ import annotations

import base64
import hashlib
import random
import string
import uuid

_chance = random.Random(20261120)
_ALNUM = string.ascii_letters + string.digits
_LOWER = string.ascii_lowercase + string.digits
_URLSAFE = _ALNUM + "-_"
_BASE64 = _ALNUM + "+/"
_HEX = "0123456789abcdef"


def _some(length: int, alphabet: str = _ALNUM) -> str:
    return "".join(_chance.choices(alphabet, k=length))


def _key_block(kind: str, lines: int = 8) -> tuple[str, str]:
    body = "\n".join(_some(64, _BASE64) for _ in range(lines))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----", body


def _uuid() -> str:
    return str(uuid.UUID(int=_chance.getrandbits(128), version=4))


def secrets() -> list[tuple[str, str]]:
    """Text and the credential in it; sixty of them."""
    found: list[tuple[str, str]] = []

    def say(text: str, secret: str) -> None:
        found.append((text.replace("@@", secret), secret))

    # The requirement's own example: nine characters, the last three shown.
    say("using sk-@@ for this", "abc123xyz")
    say("OPENAI said: invalid key sk-@@.", _some(48))
    say("key sk-proj-@@ expired", _some(120, _URLSAFE))
    say("anthropic: sk-ant-api03-@@", _some(93, _URLSAFE) + "AA")
    say("sk-svcacct-@@", _some(80, _URLSAFE))
    say("router sk-or-v1-@@", _some(64, _HEX))
    say('{"x":"sk-@@"}', _some(20))
    say("DEBUG headers={'authorization': 'Bearer @@'}", _some(43, _URLSAFE))
    say("Authorization: Bearer @@", _uuid())
    say("curl -H 'Authorization: Bearer @@' https://api.example.com", _some(64, _HEX))
    say("authorization: token @@", _some(40, _HEX))
    say("Authorization: Basic @@", base64.b64encode(_some(30).encode()).decode())
    say("bearer @@ was refused", _some(24))
    say("downloading with hf_@@", _some(34, string.ascii_letters))
    say("HF_TOKEN=hf_@@ python train.py", _some(34))
    say("runpod: rpa_@@", _some(46, string.ascii_uppercase + string.digits))
    say("401 for key 'rpa_@@'", _some(44))
    say("VAST_API_KEY=@@", _some(64, _HEX))
    say("vast api key: @@", _some(64, _HEX))
    say('{"instance_api_key":"@@"}', _some(64, _HEX))
    say("PIXELLAB_TOKEN=@@", _uuid())
    say("pixellab token: @@", _uuid())
    say('pixellab {"token": "@@"}', _uuid())
    say("lambda secret_studio_@@", f"{_some(32, _HEX)}.{_some(32)}")
    say("CIVITAI_TOKEN=@@", _some(32, _HEX))
    say("https://civitai.com/api/download/models/1?token=@@", _some(32, _HEX))
    say("https://api.runpod.io/graphql?api_key=@@&x=1", _some(40))
    say("https://files.example.com/a.png?X-Amz-Signature=@@", _some(64, _HEX))
    say("https://jupyter.example.com/lab?a=b&token=@@#part", _some(32, _HEX))
    say("aws AKIA@@ in us-east-1", _some(16, string.ascii_uppercase + "234567"))
    say("ASIA@@", _some(16, string.ascii_uppercase + "234567"))
    say("aws_secret_access_key = @@", _some(40, _BASE64))
    say("AWS_SECRET_ACCESS_KEY=@@", _some(40, _BASE64))
    say("aws_session_token: @@", _some(220, _BASE64) + "==")
    for kind in ("", "RSA ", "OPENSSH ", "EC ", "ENCRYPTED "):
        block, body = _key_block(kind)
        found.append((f"loaded {block} from disk", body))
    block, body = _key_block("OPENSSH ")
    found.append((block[: -len("-----END OPENSSH PRIVATE KEY-----")], body))
    say("root:ssh-ed25519 @@ me@box", "AAAAC3NzaC1lZDI1NTE5AAAAI" + _some(43, _BASE64))
    say("ssh-rsa @@ me@box", "AAAAB3NzaC1yc2EAAAADAQAB" + _some(300, _BASE64))
    say("ecdsa-sha2-nistp256 @@ k", "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY" + _some(110, _BASE64) + "=")
    say("cannot reach http://anna:@@@10.0.0.7:8188/prompt", "hunter2horse")
    say("postgres://studio:@@@db:5432/studio", _some(24))
    say("git clone https://@@@github.com/a/b", "ghp_" + _some(36))
    say("proxy https://:@@@proxy:3128", "s3cr3t!pass")
    say("password: @@", _some(32))
    say("the password is @@", _some(40))
    say("secret=@@", _some(36, _URLSAFE))
    say('clientSecret: "@@"', _some(40))
    say("accessToken='@@'", _some(50, _URLSAFE))
    say("api-key: @@", _some(32, _LOWER))
    say("rclone --password @@ ls", "correct9horse")
    say("tool --api-key=@@ run", _some(24))
    say("DB_PASSWORD=@@", "hunter2horse")
    say("id_token eyJ@@", f"{_some(30, _URLSAFE)}.eyJ{_some(90, _URLSAFE)}.{_some(43, _URLSAFE)}")
    say("github_pat_@@", _some(22) + "_" + _some(59))
    say("slack xoxb-@@", f"{_some(12, string.digits)}-{_some(24)}")
    say("google AIza@@", _some(35, _URLSAFE))
    return found


def look_alikes() -> list[str]:
    """Texts that hold no credential, and must come out as they went in; sixty of them."""
    hashed = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(8)]
    image = base64.b64encode(_chance.randbytes(6000)).decode()
    wrapped = "\n".join(image[place : place + 76] for place in range(0, 3000, 76))
    return [
        f"sha256 {hashed[0]}",
        f'{{"sha256":"{hashed[1]}","previous":"{hashed[2]}"}}',
        f"commit {hashlib.sha1(b'a').hexdigest()}",
        f"md5:{hashlib.md5(b'a').hexdigest()}",
        f'etag W/"{hashed[3][:32]}"',
        f"docker pull ghcr.io/a/b@sha256:{hashed[4]}",
        "binding a22d2e3975203893 of recipe owl",
        f"frozen exports/{hashed[5]}.png",
        f'{{"idempotency_key":"{hashed[6]}"}}',
        f'{{"public_key":"{hashed[7]}"}}',
        f"cache key: {hashed[0]}",
        f"id {_uuid()}",
        f'{{"prompt_id":"{_uuid()}","client_id":"{_uuid()}"}}',
        f"GPU-{_uuid()}",
        f"http://127.0.0.1:8188/history/{_uuid()}",
        f"/dev/disk/by-uuid/{_uuid()}",
        f"data:image/png;base64,{image}",
        image,
        wrapped,
        f'{{"images":["{image[:900]}"]}}',
        "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAYAAACqaXHeAAAAAXNSR0IArs4c6QAAAARnQU1BAACx",
        "a red potion, outlined, masterpiece, best quality, (glow:1.2)",
        "medieval; eval $(x)",
        "a knight with a golden key, ultra-detailed-illustration-of-a-medieval-castle",
        "the secret garden: overgrown-ruins-covered-in-moss-and-flowers",
        "token of affection, heart-shaped-box, pink-ribbon-and-lace-details",
        "<lora:detail_tweaker_xl:0.8> <lora:SDXL_key_visual_v2_final:0.6>",
        "password: the word the dwarf whispered at the gate",
        "bearer of the standard, flags and banners",
        "a bearer-of-bad-news-in-a-dark-cloak-and-boots",
        "basic understanding of composition",
        "Basic Instinct (1992) poster style",
        "score_9, score_8_up, score_7_up, score_6_up, source_anime",
        "keyboard, turkey, monkey, donkey, hockey-stick",
        "max_token_length=225 tokens per caption",
        "token: checkpoint-epoch-12-step-4000-final-v2-bf16",
        "token count 12345678901234567890123456789012",
        "seed 1234567890123456789",
        "seeds 31337,31338,31339,31340,31341,31342,31343",
        "key: workspace/outputs/owl/a22d2e3975203893/starter/001.png",
        "key /home/anna/studio/workspace/datasets/portraits/10_anna/0001.png",
        "secret: sd_xl_base_1.0_0.9vae_fp16_pruned_emaonly.safetensors",
        "path /usr/lib/python3.11/site-packages/diffusers/models/attention.py",
        "~/.config/ategnatos/secrets is read by you alone",
        "s3://bucket/key/with/a/rather/long/path/of/plain/words.json",
        "risk-assessment-2026 task-12345678 desk-lamp",
        "sk-learn-classifier sk-fading-circle",
        "disk-abc123xyz mask-abc123xyz",
        "hf_hub_download hf_transfer hf_model_repository_name",
        "rpa_ is how keys of RunPod begin; hf_ those of Hugging Face",
        "Authorization: Bearer <token>",
        "export VAST_API_KEY=$VAST_KEY",
        "ssh-keygen -t ed25519 -C me@box; ssh-add -l",
        "ssh://root@1.2.3.4:40022 and git@github.com:a/b.git",
        "https://example.com/a?page_token=&key=thumbnail&size=512x512",
        "https://example.com/key/monkey?seed=31337&steps=30",
        "RuntimeError: expected key layers.0.attention.self.query.weight.lora_down",
        "lora_unet_down_blocks_0_attentions_0_proj_in.alpha key not loaded",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUZ0\n-----END CERTIFICATE-----",
        "Quartz sphinx of black vow: KEY LIGHT, rim light, AKIRA style, ASIAN art",
    ]
