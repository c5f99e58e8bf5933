//! A service's view of the live router: two Regions, one answer, and what it took.
//!
//! Against an endpoint on this machine, such as a mock of Bedrock (any credentials will do):
//!
//! ```sh
//! AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret \
//!     cargo run -p richter-core --features aws --example converse -- http://127.0.0.1:8080
//! ```
//!
//! Without an address nothing is sent anywhere: the example would call Amazon Bedrock, and that costs money.

use std::error::Error;

use aws_sdk_bedrockruntime::{
    operation::{converse::ConverseInput, converse_stream::ConverseStreamInput},
    types::{ContentBlock, ConversationRole, ConverseStreamOutput, Message},
};
use richter_core::live::Router;

const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";

/// `balanced` over two Regions: retries within a budget, hedges, cool-downs.
const STRATEGY: &str = r#"{ "composed": { "preset": "balanced", "tiers": [["east", "west"]] } }"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(endpoint) = std::env::args().nth(1) else {
        return Err("name an endpoint, such as http://127.0.0.1:8080".into());
    };
    let router = Router::builder()
        .on_demand("east", "us-east-1", MODEL)
        .on_demand("west", "us-west-2", MODEL)
        .strategy(serde_json::from_str(STRATEGY)?)
        .endpoint_url(endpoint)
        .build()
        .await?;
    whole(&router).await?;
    streamed(&router).await
}

async fn whole(router: &Router) -> Result<(), Box<dyn Error>> {
    match router.converse(ConverseInput::builder().messages(question()?)).await {
        Ok(answered) => println!("{:?}\n{}\n", answered.output.output(), answered.trail),
        // Its trail says what was tried, and why nothing more.
        Err(error) => println!("{error}\n{}\n", error.trail()),
    }
    Ok(())
}

async fn streamed(router: &Router) -> Result<(), Box<dyn Error>> {
    let mut answer = router.converse_stream(ConverseStreamInput::builder().messages(question()?)).await?;
    while let Some(event) = answer.recv().await? {
        if let ConverseStreamOutput::ContentBlockDelta(delta) = event
            && let Some(Ok(text)) = delta.delta().map(|delta| delta.as_text())
        {
            print!("{text}");
        }
    }
    println!("\n{}", answer.trail());
    Ok(())
}

fn question() -> Result<Message, Box<dyn Error>> {
    let content = ContentBlock::Text("What is a black hole?".into());
    Ok(Message::builder().role(ConversationRole::User).content(content).build()?)
}
