//! CloudWatch Logs and CloudWatch, as far as somebody needs them who watches Bedrock.

pub mod pattern;
