"""What the pipeline is asked for while its ranges are looked at, and what the result is compared on afterwards."""

CALIBRATION = (
    "a red balloon rises over snowy mountains, cinematic light",
    "close-up portrait of an old fisherman, dramatic lighting, film grain",
    "an astronaut riding a horse on the moon, highly detailed",
    "a bowl of fruit on a wooden table, oil painting",
    "waves breaking on a rocky beach at sunset, wide shot",
    "neon lights of a city street at night in the rain",
    "a small robot watering flowers, studio photo, white background",
    "a watercolour of a fox in an autumn forest",
)
HELD_OUT = ("a white sailing boat on a calm lake at dawn", "two children fly a kite in a green meadow, drone shot")
