"""What networks are made of."""

from . import Case

rows = "m = min(n // 10, 1000); torch.manual_seed(0); x = torch.randn(n // m, m)"
image = "torch.manual_seed(0); x = torch.randn(n, 16, 32, 32)"
IMAGES = (1, 8, 64)
norm = rows + "; w = torch.ones(m); b = torch.zeros(m)"
tokens = "torch.manual_seed(0); q, k, v = (torch.randn(2, 4, n, 64) for _ in range(3))"

CASES = [
    Case("softmax", "torch.softmax(x, 1)", rows),
    Case("log_softmax", "torch.log_softmax(x, 1)", rows),
    Case("cross_entropy", "F.cross_entropy(x, t)", rows + "; t = torch.randint(0, m, (n // m,))"),
    Case("mse_loss", "F.mse_loss(x, y)", rows + "; y = torch.randn(n // m, m)"),
    Case("smooth_l1_loss", "F.smooth_l1_loss(x, y)", rows + "; y = torch.randn(n // m, m)"),
    Case("huber_loss", "F.huber_loss(x, y)", rows + "; y = torch.randn(n // m, m)"),
    Case("layer_norm", "F.layer_norm(x, (m,), w, b)", norm),
    Case("rms_norm", "F.rms_norm(x, (m,), w)", norm),
    Case("batch_norm", "F.batch_norm(x, None, None, w, b, True)", norm),
    Case("group_norm", "F.group_norm(x, 4)", image, IMAGES),
    Case("dropout", "F.dropout(x, 0.5)", rows),
    Case(
        "linear",
        "F.linear(x, w, b)",
        "x = torch.randn(n, 256); w = torch.randn(256, 256); b = torch.randn(256)",
        (4, 256, 8192),
    ),
    Case("conv2d 3x3", "F.conv2d(x, w, padding=1)", image + "; w = torch.randn(32, 16, 3, 3)", IMAGES),
    Case("conv2d 1x1", "F.conv2d(x, w)", image + "; w = torch.randn(32, 16, 1, 1)", IMAGES),
    Case(
        "conv2d depthwise",
        "F.conv2d(x, w, padding=1, groups=16)",
        image + "; w = torch.randn(16, 1, 3, 3)",
        IMAGES,
    ),
    Case(
        "conv1d", "F.conv1d(x, w)", "x = torch.randn(8, 16, n); w = torch.randn(32, 16, 5)", (32, 512, 8192)
    ),
    Case(
        "conv_transpose2d",
        "F.conv_transpose2d(x, w, stride=2)",
        image + "; w = torch.randn(16, 8, 2, 2)",
        IMAGES,
    ),
    Case("max_pool2d", "F.max_pool2d(x, 2)", image, IMAGES),
    Case("avg_pool2d", "F.avg_pool2d(x, 2)", image, IMAGES),
    Case("adaptive_avg_pool2d", "F.adaptive_avg_pool2d(x, 1)", image, IMAGES),
    Case("interpolate, nearest", "F.interpolate(x, scale_factor=2)", image, IMAGES),
    Case("interpolate, bilinear", "F.interpolate(x, scale_factor=2, mode='bilinear')", image, IMAGES),
    Case("grid_sample", "F.grid_sample(x, g)", image + "; g = torch.rand(n, 32, 32, 2) * 2 - 1", IMAGES),
    Case("pad, reflect", "F.pad(x, (1, 1, 1, 1), mode='reflect')", image, IMAGES),
    Case("unfold", "F.unfold(x, 3)", image, IMAGES),
    Case("attention", "F.scaled_dot_product_attention(q, k, v)", tokens, (16, 128, 1024)),
    Case(
        "causal attention", "F.scaled_dot_product_attention(q, k, v, is_causal=True)", tokens, (16, 128, 1024)
    ),
]
